// The floor: the system calls that `tsoci run` makes for one container, made by a static C program that reads no
// configuration and decides nothing: floor-plan.ts bakes all strings and numbers in (the header given with -include).
// What tsoci takes beyond this is the price of being a program: engine, JSON, checks, plan. The calls, their order and
// their form follow src/linux; a call that changes there changes here. No error is handled: the first one ends it.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <grp.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define MUST(call) must((long)(call), #call)

static long must(long result, const char *call) {
  if (result >= 0)
    return result;
  fprintf(stderr, "floor: %s: %s\n", call, strerror(errno));
  exit(1);
}

/* ---- files ---- */

static void write_file(const char *path, const char *text) {
  int fd = MUST(open(path, O_WRONLY | O_CLOEXEC));
  MUST(write(fd, text, strlen(text)));
  close(fd);
}

static int open_in(int root, const char *path, uint64_t flags) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  return syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/* ---- mounts ---- */

static void attributes(int fd, uint64_t set, uint64_t clear, uint64_t propagation, unsigned flags) {
  struct mount_attr attr = {.attr_set = set, .attr_clr = clear, .propagation = propagation};
  MUST(mount_setattr(fd, "", AT_EMPTY_PATH | flags, &attr, sizeof(attr)));
}

static int attach(int mount, int target) {
  return move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static int clone_mount(int fd, unsigned flags) {
  return MUST(open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | flags));
}

static int new_file_system(const char *type, const char *source, const char *const *parameters, unsigned attrs) {
  int context = MUST(fsopen(type, FSOPEN_CLOEXEC));
  MUST(fsconfig(context, FSCONFIG_SET_STRING, "source", source, 0));
  for (; *parameters; parameters += 2) {
    int command = parameters[1] ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;
    MUST(fsconfig(context, command, parameters[0], parameters[1], 0));
    if (!parameters[1] && !parameters[2])
      break;
  }
  MUST(fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
  int mount = MUST(fsmount(context, FSMOUNT_CLOEXEC, attrs));
  close(context);
  return mount;
}

/* The mount point, made if it is not there: by descriptor, part by part. */
static int mount_point(int root, const char *path, int is_file) {
  int fd = open_in(root, path, O_PATH);
  if (fd >= 0)
    return fd;
  char text[4096], *rest = text;
  snprintf(text, sizeof(text), "%s", path);
  int dir = MUST(open_in(root, ".", O_PATH));
  for (char *name; (name = strsep(&rest, "/"));) {
    if (is_file && !rest)
      close(MUST(openat(dir, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644)));
    else if (mkdirat(dir, name, 0755) && errno != EEXIST)
      MUST(-1);
    int next = MUST(open_in(dir, name, O_PATH));
    close(dir);
    dir = next;
  }
  return dir;
}

static void run_mount(int root, const struct plan_mount *m) {
  int target = mount_point(root, m->target, m->is_file), mount;
  if (m->type)
    mount = new_file_system(m->type, m->source, m->parameters, m->attributes);
  else {
    mount = MUST(open_tree(AT_FDCWD, m->source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
    if (m->attributes)
      attributes(mount, m->attributes, 0, 0, 0);
  }
  MUST(attach(mount, target));
  if (m->propagation)
    attributes(mount, 0, 0, m->propagation, AT_RECURSIVE);
  close(mount);
  close(target);
}

/* ---- /dev ---- */

static void make_devices(int root) {
  static const struct { const char *name; int major, minor; } nodes[] = {
    {"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
  static const char *const links[][2] = {{"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
                                           {"/proc/self/fd/2", "stderr"}, {"/proc/kcore", "core"}, {"pts/ptmx", "ptmx"}};
  int dev = MUST(open_in(root, "dev", O_PATH));
  mode_t mask = umask(0);
  for (size_t i = 0; i < COUNT(nodes); i++) {
    MUST(mknodat(dev, nodes[i].name, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)));
    int fd = MUST(openat(dev, nodes[i].name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat st;
    MUST(fstat(fd, &st));
    MUST(fchownat(fd, "", 0, 0, AT_EMPTY_PATH));
    close(fd);
  }
  umask(mask);
  access("/proc/kcore", F_OK);
  for (size_t i = 0; i < COUNT(links); i++)
    MUST(symlinkat(links[i][0], dev, links[i][1]));
  close(dev);
}

/* ---- masked and read-only paths ---- */

static void make_readonly(int root, const char *path) {
  int fd = open_in(root, path, O_PATH);
  if (fd < 0)
    return;
  int mount = clone_mount(fd, AT_RECURSIVE);
  attributes(mount, MOUNT_ATTR_RDONLY, 0, 0, 0);
  MUST(attach(mount, fd));
  close(mount);
  close(fd);
}

static void mask(int root, int null_mount) {
  static const char *const parameters[] = {"nr_blocks", "1", "nr_inodes", "1", NULL};
  int file = -1, folder = -1;
  for (size_t i = 0; i < COUNT(plan_masked); i++) {
    int fd = open_in(root, plan_masked[i], O_PATH);
    if (fd < 0)
      continue;
    int mount = file < 0 ? null_mount : clone_mount(null_mount, 0);
    if (attach(mount, fd) == 0) {
      if (file >= 0)
        close(mount);
      file = null_mount;
    } else {
      if (file >= 0)
        close(mount);
      mount = folder < 0 ? new_file_system("tmpfs", "tmpfs", parameters, MOUNT_ATTR_RDONLY) : clone_mount(folder, 0);
      MUST(attach(mount, fd));
      if (folder >= 0)
        close(mount);
      else
        folder = mount;
    }
    close(fd);
  }
  close(null_mount);
  if (folder >= 0)
    close(folder);
}

/* ---- the child ---- */

static void word(int channel) {
  char text[64];
  if (recv(channel, text, sizeof(text), 0) <= 0)
    exit(1);
}

static void tell(int channel, const char *text) {
  MUST(send(channel, text, strlen(text), MSG_NOSIGNAL));
}

static void keyring(void) {
  long ring = MUST(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "_ses.floor", 0, 0, 0));
  MUST(syscall(SYS_keyctl, KEYCTL_SETPERM, ring, 0x3f3f0000 | 0x80000, 0, 0));
}

static void pivot(int root) {
  int old = MUST(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  MUST(fchdir(root));
  MUST(syscall(SYS_pivot_root, ".", "."));
  MUST(fchdir(old));
  MUST(umount2(".", MNT_DETACH));
  close(old);
  MUST(chdir("/"));
}

static void capabilities(uint64_t keep) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  MUST(syscall(SYS_capget, &header, data));
  for (int i = 0; i < 2; i++)
    data[i] = (struct __user_cap_data_struct){keep >> (32 * i), keep >> (32 * i), 0};
  MUST(syscall(SYS_capset, &header, data));
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static void load_filter(void) {
  if (COUNT(plan_filter) == 0)
    return;
  struct sock_fprog program = {COUNT(plan_filter), (struct sock_filter *)plan_filter};
  MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, PLAN_FILTER_FLAGS, &program));
}

static void become_user(void) {
  for (int nr = 0; nr <= PLAN_LAST_CAPABILITY; nr++)
    if (!(PLAN_CAPABILITIES >> nr & 1))
      MUST(prctl(PR_CAPBSET_DROP, nr, 0, 0, 0));
  MUST(setgroups(COUNT(plan_groups), plan_groups));
  MUST(setresgid(0, 0, 0));
  MUST(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
  MUST(setresuid(0, 0, 0));
  MUST(prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0));
  capabilities(PLAN_CAPABILITIES | (PLAN_FILTER_NEEDS_ADMIN ? 1ull << CAP_SYS_ADMIN : 0));
}

static void __attribute__((noreturn)) child(int channel, int proc) {
  word(channel);
  MUST(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
  setsid();
  keyring();
  MUST(mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL));
  int folder = MUST(open(PLAN_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC));
  int root = clone_mount(folder, AT_RECURSIVE);
  MUST(attach(root, folder));
  close(folder);
  for (size_t i = 0; i < COUNT(plan_mounts); i++)
    run_mount(root, &plan_mounts[i]);
  make_devices(root);
  int null_mount = MUST(open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  pivot(root);
  if (PLAN_ROOT_READONLY)
    attributes(root, MOUNT_ATTR_RDONLY, 0, 0, 0);
  MUST(sethostname(PLAN_HOSTNAME, strlen(PLAN_HOSTNAME)));
  for (size_t i = 0; i < COUNT(plan_sysctls); i++) {
    struct open_how how = {.flags = O_WRONLY | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    int fd = MUST(syscall(SYS_openat2, proc, plan_sysctls[i][0], &how, sizeof(how)));
    MUST(write(fd, plan_sysctls[i][1], strlen(plan_sysctls[i][1])));
    close(fd);
  }
  for (size_t i = 0; i < COUNT(plan_readonly); i++)
    make_readonly(root, plan_readonly[i]);
  mask(root, null_mount);
  if (PLAN_NO_NEW_PRIVILEGES)
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  become_user();
  MUST(chdir("/"));
  MUST(access(plan_args[0], X_OK));
  tell(channel, "ready");
  word(channel);
  MUST(close_range(3, ~0u, CLOSE_RANGE_CLOEXEC));
  load_filter();
  if (PLAN_FILTER_NEEDS_ADMIN)
    capabilities(PLAN_CAPABILITIES);
  execve(plan_args[0], plan_args, plan_environment);
  MUST(-1);
  abort();
}

/* ---- the parent ---- */

static void write_state(void) {
  static char text[700];
  memset(text, ' ', sizeof(text));
  int fd = MUST(open(PLAN_STATE "/state.json.new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  MUST(write(fd, text, sizeof(text)));
  close(fd);
  MUST(rename(PLAN_STATE "/state.json.new", PLAN_STATE "/state.json"));
}

static void join_cgroups(pid_t pid) {
  char text[16], path[512];
  snprintf(text, sizeof(text), "%d", pid);
  for (size_t i = 0; i < COUNT(plan_cgroups); i++) {
    snprintf(path, sizeof(path), "%s/cgroup.procs", plan_cgroups[i]);
    write_file(path, text);
  }
}

/* As `mkdir -p`: the last folder alone in all but the first run. */
static void make_folder(const char *path) {
  if (mkdir(path, 0755) == 0 || errno == EEXIST)
    return;
  char parent[512];
  snprintf(parent, sizeof(parent), "%.*s", (int)(strrchr(path, '/') - path), path);
  make_folder(parent);
  MUST(mkdir(path, 0755));
}

int main(void) {
  make_folder(PLAN_STATE);
  for (size_t i = 0; i < COUNT(plan_cgroups); i++)
    make_folder(plan_cgroups[i]);
  for (size_t i = 0; i < COUNT(plan_limits); i++)
    write_file(plan_limits[i][0], plan_limits[i][1]);

  int channel[2];
  MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel));
  int proc = MUST(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct clone_args args = {.flags = PLAN_CLONE_FLAGS, .exit_signal = SIGCHLD};
  pid_t pid = MUST(syscall(SYS_clone3, &args, sizeof(args)));
  if (pid == 0) {
    close(channel[0]);
    child(channel[1], proc);
  }
  close(channel[1]);
  join_cgroups(pid);
  tell(channel[0], "go");
  word(channel[0]);
  for (size_t i = 0; i < COUNT(plan_rlimits); i++) {
    struct rlimit64 limit = {plan_rlimits[i][1], plan_rlimits[i][2]};
    MUST(prlimit64(pid, plan_rlimits[i][0], &limit, NULL));
  }
  write_state();
  tell(channel[0], "start");

  int status;
  MUST(waitpid(pid, &status, 0));
  for (size_t i = 0; i < COUNT(plan_cgroups); i++)
    MUST(rmdir(plan_cgroups[i]));
  MUST(unlink(PLAN_STATE "/state.json"));
  MUST(rmdir(PLAN_STATE));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
