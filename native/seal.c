// CVE-2019-5736: where the program works inside of a container, processes there may reach its executable through
// /proc/PID/exe, or by a script that begins with "#!/proc/self/exe". So it starts itself again from an image that nobody
// can write to: a detached read-only mount of the executable, or, where that is not allowed, a sealed copy in memory.
// Done here, before the engine starts, it costs one execve(2) and nothing else.

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host.h"

extern char **environ;

#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

static int is_asked_for(char **argv) {
  for (char **word = argv; *word != NULL; word++)
    for (const char *const *verb = sealed_words; *verb != NULL; verb++)
      if (strcmp(*word, *verb) == 0) return 1;
  return 0;
}

/* By the kernel's own word: the mount is read-only, the user may not write, or the file is sealed. */
static int is_unwritable(int fd) {
  if (syscall(SYS_faccessat2, fd, "", W_OK, AT_EMPTY_PATH | AT_EACCESS) < 0) return errno == EROFS || errno == EACCES;
  int seals = fcntl(fd, F_GET_SEALS);
  return seals >= 0 && (seals & SEALS) == SEALS;
}

/* -1 without privileges over the mount namespace, and on a kernel before 5.12. */
static int read_only_mount(int exe) {
  int tree = (int)syscall(SYS_open_tree, exe, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
  if (tree < 0) return -1;
  if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0 && is_unwritable(tree))
    return tree;
  close(tree);
  return -1;
}

static int sealed_copy(int exe) {
  int copy = memfd_create("tsoci", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  ssize_t count = 1;
  if (copy < 0) return -1;
  for (off_t at = 0; count > 0;) count = sendfile(copy, exe, &at, 1 << 30);
  return count == 0 && fcntl(copy, F_ADD_SEALS, SEALS) == 0 ? copy : -1;
}

int seal(char **argv) {
  if (!is_asked_for(argv + 1)) return -ECANCELED;
  int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (exe < 0) return -errno;
  if (is_unwritable(exe)) return close(exe);
  int image = read_only_mount(exe);
  if (image < 0) image = sealed_copy(exe);
  if (image >= 0) syscall(SYS_execveat, image, "", argv, environ, AT_EMPTY_PATH);
  return -errno;
}
