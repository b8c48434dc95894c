// CVE-2019-5736: where the program works inside of a container, processes there may reach its executable through
// /proc/PID/exe, or by a script that begins with "#!/proc/self/exe". So it starts itself again from an image that nobody
// can write to: a detached read-only mount of the executable, or, where that is not allowed, a sealed copy in memory.
//
// This is the entry of the executable: it runs before the C library is set up, and what it does not need costs nothing
// (an execve(2) is most of it). So there is no library here, no stack protector yet, and no address that the loader has
// still to correct: seal_words is one text and not an array.

#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <linux/mount.h>

#include "host.h"

#ifndef F_GET_SEALS
#error "the kernel's headers are too old"
#endif

#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define W_OK 2

int sealed = -ECANCELED;

#if defined(__x86_64__)
/* The stack as the kernel has laid it is the argument; rdx is the C library's. */
__asm__(".globl seal_start\n"
        "seal_start:\n"
        "  endbr64\n"
        "  mov %rsp, %rdi\n"
        "  push %rdx\n"
        "  sub $8, %rsp\n"
        "  call seal\n"
        "  add $8, %rsp\n"
        "  pop %rdx\n"
        "  jmp _start\n");

static long call(long nr, long a, long b, long c, long d, long e) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  __asm__ volatile("syscall" : "+a"(nr) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
  return nr;
}
#elif defined(__aarch64__)
__asm__(".globl seal_start\n"
        "seal_start:\n"
        "  stp x0, x30, [sp, #-16]!\n"
        "  add x0, sp, #16\n"
        "  bl seal\n"
        "  ldp x0, x30, [sp], #16\n"
        "  b _start\n");

static long call(long nr, long a, long b, long c, long d, long e) {
  register long x8 __asm__("x8") = nr;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
}
#endif

static int is_equal(const char *a, const char *b) {
  for (; *a == *b; a++, b++)
    if (*a == 0) return 1;
  return 0;
}

/* Any word of the command line: one that is not the verb costs no more than time. */
static int is_asked_for(char **argv) {
  for (char **word = argv; *word != NULL; word++)
    for (const char *verb = seal_words; *verb != 0; verb++) {
      if (is_equal(*word, verb)) return 1;
      while (*verb != 0) verb++;
    }
  return 0;
}

/* By the kernel's own word: the mount is read-only, the user may not write, or the file is sealed. */
static int is_unwritable(long fd) {
  long result = call(__NR_faccessat2, fd, (long)"", W_OK, AT_EMPTY_PATH | AT_EACCESS, 0);
  if (result < 0) return result == -EROFS || result == -EACCES;
  long seals = call(__NR_fcntl, fd, F_GET_SEALS, 0, 0, 0);
  return seals >= 0 && (seals & SEALS) == SEALS;
}

/* An error without privileges over the mount namespace, and on a kernel before 5.12. */
static long read_only_mount(long exe) {
  long tree = call(__NR_open_tree, exe, (long)"", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH, 0, 0);
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
  if (tree < 0) return tree;
  long result = call(__NR_mount_setattr, tree, (long)"", AT_EMPTY_PATH, (long)&attributes, sizeof attributes);
  if (result == 0 && is_unwritable(tree)) return tree;
  call(__NR_close, tree, 0, 0, 0, 0);
  return -EPERM;
}

static long sealed_copy(long exe) {
  long copy = call(__NR_memfd_create, (long)"tsoci", MFD_CLOEXEC | MFD_ALLOW_SEALING, 0, 0, 0);
  if (copy < 0) return copy;
  long count = 1;
  for (long at = 0; count > 0;) count = call(__NR_sendfile, copy, exe, (long)&at, 1 << 30, 0);
  if (count < 0) return count;
  long result = call(__NR_fcntl, copy, F_ADD_SEALS, SEALS, 0, 0);
  return result < 0 ? result : copy;
}

/* On return the running image is sealed, or the reason why it is not is in `sealed`. */
__attribute__((used)) void seal(long *stack) {
  char **argv = (char **)(stack + 1);
  char **environment = argv + *stack + 1;
  if (*stack < 1 || !is_asked_for(argv + 1)) return;
  long exe = call(__NR_openat, AT_FDCWD, (long)"/proc/self/exe", O_RDONLY | O_CLOEXEC, 0, 0);
  if (exe < 0) {
    sealed = (int)exe;
    return;
  }
  if (is_unwritable(exe)) {
    sealed = 0;
    call(__NR_close, exe, 0, 0, 0, 0);
    return;
  }
  long image = read_only_mount(exe);
  if (image < 0) image = sealed_copy(exe);
  if (image >= 0) image = call(__NR_execveat, image, (long)"", (long)argv, (long)environment, AT_EMPTY_PATH);
  sealed = (int)image;
}
