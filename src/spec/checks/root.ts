// config.md, "Specification version", "Root", "Hooks", "Annotations".

import { type Check, isAbsolute, problem } from './problem.ts';

const isNumber = (text: string | undefined): boolean =>
  text !== undefined &&
  text !== '' &&
  [...text].every((c) => c >= '0' && c <= '9') &&
  (text === '0' || text[0] !== '0');

/** SemVer 2.0.0 of the specification's first major version; a later minor one may ask for what we pass over. */
export const checkVersion: Check = ({ ociVersion }) => {
  const core = (ociVersion.split('+')[0] as string).split('-')[0] as string;
  const parts = core.split('.');
  if (parts.length !== 3 || !parts.every(isNumber)) {
    return [problem('/ociVersion', `found "${ociVersion}", expected a SemVer 2.0.0 version`)];
  }
  return parts[0] === '1' ? [] : [problem('/ociVersion', `found "${ociVersion}", expected version 1.x`)];
};

export const checkRoot: Check = ({ root }) => {
  if (root === undefined) return [problem('/root', 'missing')];
  return root.path === '' ? [problem('/root/path', 'found "", expected a path')] : [];
};

export const checkHooks: Check = ({ hooks }) =>
  Object.entries(hooks ?? {}).flatMap(([kind, list]) =>
    ((list ?? []) as readonly { path: string }[]).flatMap((hook, index) =>
      isAbsolute(hook.path)
        ? []
        : [problem(`/hooks/${kind}/${index}/path`, `found "${hook.path}", expected an absolute path`)],
    ),
  );

export const checkAnnotations: Check = ({ annotations }) =>
  annotations !== undefined && Object.hasOwn(annotations, '')
    ? [problem('/annotations/', 'an annotation has an empty name')]
    : [];
