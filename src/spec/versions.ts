// The version of the specification that tsoci implements.

export const OCI_VERSION = '1.3.0';
export const OCI_VERSION_MIN = '1.0.0';
