// Paths as the configuration writes them, before any file system is asked. Pure.

import type { Spec } from '../spec/types.ts';

/** Absolute and without `.`, `..` and doubled slashes, by the text alone; a relative path is taken from `/` (MT-06). */
export function cleanPath(path: string): string {
  if (path.startsWith('/') && !path.endsWith('/') && !path.includes('//') && !path.includes('/.')) return path;
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** `path` as the bundle writes it (root.path, the source of a bind): a relative one is taken from `bundle`. */
export const pathFrom = (bundle: string, path: string): string =>
  cleanPath(path.startsWith('/') ? path : `${bundle}/${path}`);

/** The container's root on the host. */
export const rootfsOf = (spec: Spec, bundle: string): string => pathFrom(bundle, spec.root?.path ?? '');

/** Folder and last name of a clean path; the root has an empty name. */
export function splitPath(path: string): { readonly folder: string; readonly name: string } {
  const slash = path.lastIndexOf('/');
  return { folder: slash <= 0 ? '/' : path.slice(0, slash), name: path.slice(slash + 1) };
}

/** `path` is `folder` or lies below it; both clean. */
export const isAtOrBelow = (path: string, folder: string): boolean =>
  folder === '/' || path === folder || path.startsWith(`${folder}/`);
