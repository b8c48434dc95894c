// bundle.md: a folder with config.json at its root, and the root file system.

import { TsociError } from '../errors.ts';
import * as sys from '../linux/sys/index.ts';
import { type ParsedSpec, parseSpec } from '../spec/parse.ts';

/** Enters the bundle, as runc does, and returns its absolute path. */
export function enterBundle(path: string | undefined): string {
  if (path !== undefined && path !== '') {
    try {
      sys.chdir(path);
    } catch (error) {
      if (error instanceof sys.SyscallError) throw new TsociError('ERR_USAGE', `chdir ${path}: ${error.reason}`);
      throw error;
    }
  }
  return sys.currentDirectory();
}

export function loadBundle(bundle: string): ParsedSpec {
  try {
    return parseSpec(sys.readFile(`${bundle}/config.json`));
  } catch (error) {
    if (error instanceof sys.SyscallError && error.errno === sys.E.ENOENT) {
      throw new TsociError('ERR_USAGE', 'JSON specification file config.json not found');
    }
    throw error;
  }
}
