#!/bin/bash
# Runs a command as root in a throw-away Debian guest that has what a machine may lack: cgroup v2, AppArmor, systemd.
# See README.md beside it. Needs root and apt; no virtualisation.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
    cat <<'USAGE'
usage: vm.sh [options] [--] COMMAND [ARG...]   run COMMAND in the guest; its exit status is ours
       vm.sh [-e ENGINE] build                 only see to it that the guest is there

  -e ENGINE         uml: user-mode Linux (default; controllers cpu, io, memory, pids);
                    qemu: QEMU without KVM (some ten times slower; every controller of v2);
                    qemu-6.1: the same with the kernel of Debian 12 (every controller of v1 too, rdma devices)
  -i tiny|systemd   the guest's first process (tiny)
  -p PACKAGE        a Debian package that the guest has besides; may be repeated; such a guest is kept beside the plain one
  -v DIR[:ro]       show this folder in the guest, at the same path; may be repeated (default: the current one)
  -E NAME=VALUE     for the command's environment; may be repeated
  -m MIB            memory of the guest (2048)
  -t SECONDS        give up after so long, with status 124 (1200)
  -k ARGUMENTS      more arguments for the guest's kernel
  -c                show the guest's console as well

VM_CACHE names the folder of the guests ($XDG_CACHE_HOME/tsoci-vm), VM_MIRROR the Debian mirror (the one of this machine).
USAGE
}

say() { echo "vm.sh: $*" >&2; }
die() {
    say "$*"
    exit 125
}

engine=uml init=tiny memory=2048 limit=1200 arguments='' console=''
shares=() environment=() packages=()
while getopts e:i:p:v:E:m:t:k:ch option; do
    case $option in
        e) engine=$OPTARG ;;
        i) init=$OPTARG ;;
        p) packages+=("$OPTARG") ;;
        v) shares+=("$OPTARG") ;;
        E) environment+=("$OPTARG") ;;
        m) memory=$OPTARG ;;
        t) limit=$OPTARG ;;
        k) arguments=$OPTARG ;;
        c) console=1 ;;
        h) usage && exit ;;
        *) usage >&2 && exit 125 ;;
    esac
done
shift $((OPTIND - 1))
[[ $engine =~ ^(uml|qemu|qemu-6\.1)$ && $init =~ ^(tiny|systemd)$ && $# -gt 0 ]] || { usage >&2 && exit 125; }
[ "$(id -u)" = 0 ] || die "must be root"

# --- the guest: built once ----------------------------------------------------------------------------

export VM_MIRROR=${VM_MIRROR:-$(awk '$1 == "URIs:" { print $2; exit }' /etc/apt/sources.list.d/*.sources)}
cache=${VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tsoci-vm}
# Its name tells what it was made of.
digest=$( (cd "$here" && cat image.sh && find guest -type f -exec sha256sum {} + | sort && node -v && echo "${packages[*]}") | sha256sum)
image=$cache/guest-${digest:0:12}
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
[ -e "$image/root.ext4" ] || "$here/image.sh" "$image" "${packages[@]}" >&2
exec 9>&-
[ "$engine" = uml ] || command -v qemu-system-x86_64 >/dev/null || DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -y -o DPkg::Lock::Timeout=300 install --no-install-recommends qemu-system-x86 >&2
[ "$*" != build ] || exit 0

# --- what it is told ----------------------------------------------------------------------------------

run=$(mktemp -d "${TMPDIR:-/tmp}/vm.XXXXXX")
mkdir "$run/control"
pids=() group=''
# shellcheck disable=SC2317 # called by the trap
finish() {
    [ -z "$group" ] || kill -KILL -- "-$group" 2>/dev/null || true
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$run"
}
trap finish EXIT
trap 'exit 143' TERM INT HUP

[ ${#shares[@]} -gt 0 ] || shares=("$PWD")
folder=/root
for i in "${!shares[@]}"; do
    dir=$(realpath "${shares[i]%:ro}")
    [ -d "$dir" ] || die "no folder $dir"
    [[ $PWD/ != "$dir/"* ]] || folder=$PWD
    case ${shares[i]} in *:ro) shares[i]=$dir:ro ;; *) shares[i]=$dir:rw ;; esac
done
printf '%s\n' "${shares[@]}" >"$run/control/shares"
{
    [ ${#environment[@]} -eq 0 ] || printf 'export %q\n' "${environment[@]}"
    printf 'cd %q || exit 125\nexec' "$folder"
    [ $# -gt 1 ] || printf ' bash -c' # a single argument is a command line of the shell
    printf ' %q' "$@"
    echo
} >"$run/control/command"

case $init in tiny) first=/usr/sbin/vm-init ;; *) first=/sbin/init ;; esac
arguments="security=apparmor vm.control=$run/control systemd.unit=vm.service systemd.show_status=0 $arguments"

# --- running it ---------------------------------------------------------------------------------------

exec 3> >(exec cat) # the command's output, by a terminal of the guest
output=$!
if [ -n "$console" ]; then
    : >"$run/console"
    tail -f "$run/console" >&2 3>&- &
    pids+=($!)
fi

# user-mode Linux wants the C library that it was built for, which is the guest's: bound over ours where it alone sees it.
# In a PID namespace, so that nothing outlives it; on one CPU, since it goes to and fro between processes of which never two run.
# shellcheck disable=SC2016
run_uml() {
    # shellcheck disable=SC2086 # arguments is a list of words
    HOME=$run TMPDIR='' timeout --foreground -s KILL "$limit" taskset -c "$(($$ % $(nproc)))" unshare --mount --pid --fork --kill-child \
        busybox sh -c '
            image=$1
            shift
            busybox mount --bind "$image/libc.so.6" /lib/x86_64-linux-gnu/libc.so.6
            busybox mount --bind "$image/ld-linux-x86-64.so.2" /lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
            busybox mount -t proc proc /proc
            exec "$image/linux.uml" "$@"' \
        sh "$image" mem="${memory}M" seccomp=auto ubd0="$run/disk,$image/root.ext4" root=/dev/ubda rw con=null con0=null,fd:1 \
        con1=null,fd:3 uml_dir="$run/" umid=vm init="$first" vm.out=/dev/tty1 $arguments </dev/null >"$run/console" 2>&1
}

devices=()
# serve NAME FOLDER: a folder for QEMU's guest.
serve() {
    /usr/lib/qemu/virtiofsd --socket-path="$run/$1.sock" -o source="$2" -o xattr >"$run/$1.log" 2>&1 3>&- &
    pids+=($!)
    for _ in {1..100}; do [ ! -S "$run/$1.sock" ] || break && sleep 0.05; done
    devices+=(-chardev "socket,id=$1,path=$run/$1.sock" -device "vhost-user-fs-pci,chardev=$1,tag=$1")
}

# no_timer_check: on a busy machine the kernel would wait in vain for its timer, and give up.
run_qemu() {
    timeout --foreground -s KILL "$limit" qemu-system-x86_64 -M q35,memory-backend=ram -accel tcg,thread=multi,tb-size=512 -cpu EPYC -smp 1 \
        -m "$memory" -object "memory-backend-memfd,id=ram,size=${memory}M,share=on" -nodefaults -no-user-config -display none \
        -no-reboot -kernel "$image/$engine.vmlinuz" -initrd "$image/$engine.initrd" -serial "file:$run/console" \
        -drive "id=disk,file=$image/root.ext4,format=raw,if=none,snapshot=on,file.locking=off" -device virtio-blk-pci,drive=disk \
        -chardev stdio,id=out,signal=off -device virtio-serial-pci -device virtconsole,chardev=out "${devices[@]}" -append \
        "console=ttyS0 quiet panic=-1 no_timer_check mitigations=off vm.init=$first vm.out=/dev/hvc0 $arguments" </dev/null >&3 2>"$run/qemu.log"
}

if [ "$engine" != uml ]; then
    serve control "$run/control"
    for i in "${!shares[@]}"; do serve "share$i" "${shares[i]%:*}"; done
fi
set -m # a process group of its own, to be ended as a whole
"run_${engine%%-*}" &
group=$!
set +m
status=0
wait "$group" || status=$?
group=''
exec 3>&-
wait "$output" || true
[ ! -s "$run/control/status" ] || exit "$(cat "$run/control/status")"
if [ "$status" = 137 ]; then
    say "gave up after $limit s"
    exit 124
fi
say "the guest ended without a status ($status)"
tail -n 25 "$run"/{console,qemu.log,control/guest.log} >&2 2>/dev/null || true
exit 125
