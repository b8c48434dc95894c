// Follows a command and all processes that come of it, and tells which functions of EXECUTABLE they call.
//
//   calls EXECUTABLE WORD… <OFFSETS    OFFSETS are where the functions begin in the executable's image, in hexadecimal, a
//                                      line each; those that were called are printed, in the order of their first calls
//
// A breakpoint stands at each function until a process meets it. Addresses are not randomized. It ends when all processes
// have; the exit status is the command's. x86-64.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_FUNCTIONS = 1 << 16, PIDS = 1 << 22, BREAKPOINT = 0xcc };
enum { EVENTS = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC };

static struct function {
  uint64_t offset;
  uint8_t byte;
  int is_called;
} functions[MAX_FUNCTIONS];
static size_t count;
static struct stat executable;
static uint64_t base;
static uint8_t is_known[PIDS];

static void die(const char *what) {
  fprintf(stderr, "calls: %s: %s\n", what, strerror(errno));
  exit(1);
}

/* Where the executable's image begins, at the same address each time; 0 for a process that runs another. */
static uint64_t find_base(pid_t pid) {
  char line[512], path[64];
  unsigned long start, inode;
  uint64_t found = 0;
  snprintf(path, sizeof path, "/proc/%d/maps", pid);
  FILE *maps = fopen(path, "r");
  if (maps == NULL)
    return 0;
  while (found == 0 && fgets(line, sizeof line, maps) != NULL)
    if (sscanf(line, "%lx-%*x %*s 00000000 %*s %lu", &start, &inode) == 2 && inode == executable.st_ino)
      found = start;
  fclose(maps);
  return found;
}

static int open_memory(pid_t pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0)
    die(path);
  return fd;
}

static void set_breakpoints(pid_t pid) {
  int memory = open_memory(pid);
  uint8_t breakpoint = BREAKPOINT;
  for (struct function *f = functions; f < functions + count; f++) {
    if (f->is_called)
      continue;
    if (pread(memory, &f->byte, 1, (off_t)(base + f->offset)) != 1 || pwrite(memory, &breakpoint, 1, (off_t)(base + f->offset)) != 1)
      die("a breakpoint");
  }
  close(memory);
}

/* Returns whether the process stands behind a breakpoint of ours; then it stands in front of the function again. */
static int meet(pid_t pid) {
  long at = offsetof(struct user_regs_struct, rip);
  uint64_t address = (uint64_t)ptrace(PTRACE_PEEKUSER, pid, at, NULL) - 1;
  for (struct function *f = functions; f < functions + count; f++) {
    if (base + f->offset != address)
      continue;
    int memory = open_memory(pid);
    if (pwrite(memory, &f->byte, 1, (off_t)address) != 1)
      die("the end of a breakpoint");
    close(memory);
    ptrace(PTRACE_POKEUSER, pid, at, address);
    if (!f->is_called)
      printf("%lx\n", f->offset);
    f->is_called = 1;
    return 1;
  }
  return 0;
}

/* A stop of a process: an event, a breakpoint, or a signal, which is handed on. */
static void go_on(pid_t pid, int status) {
  int event = status >> 16, signal = WSTOPSIG(status);
  int is_own = event != 0 || (signal == SIGSTOP && !is_known[pid]);
  is_known[pid] = 1;
  uint64_t found = event == PTRACE_EVENT_EXEC ? find_base(pid) : 0;
  if (found != 0) {
    base = found;
    set_breakpoints(pid);
  }
  if (event == 0 && signal == SIGTRAP)
    is_own = meet(pid);
  ptrace(PTRACE_CONT, pid, NULL, is_own ? 0 : signal);
}

int main(int argc, char **argv) {
  if (argc < 3 || stat(argv[1], &executable) != 0)
    die("calls EXECUTABLE WORD...");
  while (count < MAX_FUNCTIONS && scanf("%lx", &functions[count].offset) == 1)
    count++;
  pid_t command = fork();
  if (command == 0) {
    personality(ADDR_NO_RANDOMIZE);
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    execv(argv[2], argv + 2);
    die(argv[2]);
  }
  int status, result = 1;
  if (waitpid(command, &status, 0) != command || !WIFSTOPPED(status))
    die("the command did not start");
  ptrace(PTRACE_SETOPTIONS, command, NULL, EVENTS);
  go_on(command, status);
  for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0;) {
    if (WIFSTOPPED(status)) {
      go_on(pid, status);
      continue;
    }
    is_known[pid] = 0;
    if (pid == command)
      result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return result;
}
