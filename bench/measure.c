// Measures commands, one after the other, as an engine would call them.
//
//   measure PROCS USAGE [MASK…]    PROCS  cgroup.procs of the cgroup in which the commands are started
//                                  USAGE  cpuacct.usage (v1) or cpu.stat (v2) of that cgroup's parent, where the containers lie too
//                                  MASK   files over which an empty file is bound, in a mount namespace of measure's own
//
// A line on standard input is a command, its words separated by tabs. The answer is a line of JSON:
//   {"status": exit code or 128+signal, "wall": ns from fork until the command has ended, "cpu": ns, "reaped": ns, "rss": KiB}
//
// cpu is what USAGE grew by until it stands still: the command, its children and the container's processes, whoever reaps
// them, also when they go on after the command has ended (create's child runs on until it waits for start).
// reaped is wait4's user + system time of the command and the children that it waited for; rss the largest of these.
// measure is the subreaper, as a shim is: it collects the container's first process.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_WORDS = 64, QUIET_NS = 3000000, QUIET_TRIES = 400 };

static const char *usage_path;

static void die(const char *what) {
  fprintf(stderr, "measure: %s: %s\n", what, strerror(errno));
  exit(1);
}

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Nanoseconds on a CPU of all processes in the cgroup and below, the dead ones included. */
static long long usage(void) {
  char text[512];
  int fd = open(usage_path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    die(usage_path);
  ssize_t n = read(fd, text, sizeof(text) - 1);
  close(fd);
  if (n <= 0)
    die(usage_path);
  text[n] = 0;
  const char *v2 = strstr(text, "usage_usec ");
  return v2 ? atoll(v2 + 11) * 1000 : atoll(text);
}

/* Waits until nothing runs any more below the cgroup. A sleeping process does not count. */
static long long settled(void) {
  long long last = usage();
  for (int i = 0; i < QUIET_TRIES; i++) {
    nanosleep(&(struct timespec){.tv_nsec = QUIET_NS}, NULL);
    while (waitpid(-1, NULL, WNOHANG) > 0)
      ;
    long long next = usage();
    if (next == last)
      return next;
    last = next;
  }
  return last;
}

static long long ns(struct timeval t) {
  return t.tv_sec * 1000000000LL + t.tv_usec * 1000LL;
}

static void measure(char **words, int procs) {
  long long before = settled(), begun = now();
  pid_t pid = fork();
  if (pid < 0)
    die("fork");
  if (pid == 0) {
    if (write(procs, "0", 1) != 1)
      die("cgroup.procs");
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, 0);
    dup2(null, 1);
    if (!getenv("MEASURE_STDERR"))
      dup2(null, 2);
    execv(words[0], words);
    _exit(127);
  }
  struct rusage r;
  int status;
  if (wait4(pid, &status, 0, &r) != pid)
    die("wait4");
  long long wall = now() - begun;
  long long cpu = settled() - before;
  printf("{\"status\": %d, \"wall\": %lld, \"cpu\": %lld, \"reaped\": %lld, \"rss\": %ld}\n",
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), wall, cpu, ns(r.ru_utime) + ns(r.ru_stime), r.ru_maxrss);
  fflush(stdout);
}

static void mask(int count, char **paths) {
  if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
    die("unshare");
  for (int i = 0; i < count; i++) {
    char empty[] = "/tmp/measure.XXXXXX";
    int fd = mkstemp(empty);
    if (fd < 0 || mount(empty, paths[i], NULL, MS_BIND, NULL))
      die(paths[i]);
    close(fd);
    unlink(empty);
  }
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: measure PROCS USAGE [MASK...]\n");
    return 1;
  }
  usage_path = argv[2];
  int procs = open(argv[1], O_WRONLY | O_CLOEXEC);
  if (procs < 0)
    die(argv[1]);
  mask(argc - 3, argv + 3);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);

  char line[16384];
  while (fgets(line, sizeof(line), stdin)) {
    char *words[MAX_WORDS + 1], *rest = line;
    int n = 0;
    line[strcspn(line, "\n")] = 0;
    while (rest && n < MAX_WORDS)
      words[n++] = strsep(&rest, "\t");
    words[n] = NULL;
    measure(words, procs);
  }
  return 0;
}
