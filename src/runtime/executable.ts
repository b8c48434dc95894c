// CVE-2019-5736: processes of a container may reach the executable that runs inside, through /proc/PID/exe or a script
// that starts with "#!/proc/self/exe". So whatever enters a container runs from an image that nobody inside can write to:
// a detached read-only mount of the executable, or, where that is not allowed, a sealed copy in memory.

import * as sys from '../linux/sys/index.ts';

const SEALS = sys.F_SEAL_WRITE | sys.F_SEAL_SHRINK | sys.F_SEAL_GROW | sys.F_SEAL_SEAL;

/** By the kernel's own word: the mount is read-only, the user may not write, or the file is sealed. */
function isUnwritable(fd: number): boolean {
  try {
    sys.faccessat2(fd, '', sys.W_OK, sys.AT_EMPTY_PATH | sys.AT_EACCESS);
  } catch (error) {
    if (error instanceof sys.SyscallError && [sys.E.EROFS, sys.E.EACCES].includes(error.errno)) return true;
    throw error;
  }
  return false;
}

function isSealed(fd: number): boolean {
  try {
    return (sys.fcntl(fd, sys.F_GET_SEALS, 0) & SEALS) === SEALS;
  } catch {
    return false; // EINVAL: a file that cannot be sealed
  }
}

function openReadOnlyMount(exe: number): number | undefined {
  try {
    const tree = sys.open_tree(exe, '', sys.OPEN_TREE_CLONE | sys.OPEN_TREE_CLOEXEC | sys.AT_EMPTY_PATH);
    sys.mount_setattr(tree, '', sys.AT_EMPTY_PATH, sys.encodeMountAttr({ set: sys.MOUNT_ATTR_RDONLY }));
    return isUnwritable(tree) ? tree : undefined;
  } catch (error) {
    // EPERM without privileges over the mount namespace; ENOSYS on a kernel before 5.12.
    if (error instanceof sys.SyscallError) return undefined;
    throw error;
  }
}

function openSealedCopy(): number {
  const source = sys.openat(sys.AT_FDCWD, '/proc/self/exe', sys.O_RDONLY | sys.O_CLOEXEC);
  const copy = sys.memfd_create('tsoci', sys.MFD_CLOEXEC | sys.MFD_ALLOW_SEALING);
  while (sys.sendfile(copy, source, 1 << 30) > 0);
  sys.close(source);
  sys.fcntl(copy, sys.F_ADD_SEALS, SEALS);
  return copy;
}

/** Returns when the running image is out of the container's reach; else starts itself again from one that is. */
export function secureExecutable(): void {
  const exe = sys.openat(sys.AT_FDCWD, '/proc/self/exe', sys.O_RDONLY | sys.O_CLOEXEC);
  if (isUnwritable(exe) || isSealed(exe)) {
    sys.close(exe);
    return;
  }
  const image = openReadOnlyMount(exe) ?? openSealedCopy();
  sys.execveat(image, '', ['tsoci', ...sys.door().argv], sys.door().environ(), sys.AT_EMPTY_PATH);
}
