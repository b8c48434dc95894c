// Variables of an environment, as environ(7) has them: NAME=value.

export const variableOf = (environment: readonly string[], name: string): string | undefined =>
  environment.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
