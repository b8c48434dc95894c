#!/bin/bash
# image.sh DIR [PACKAGE...]: makes the guest, its kernels and its disk, of Debian packages. vm.sh calls it; a minute or two.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
image=$1

suite=trixie
packages=(
    systemd systemd-sysv libpam-systemd dbus dbus-user-session kmod iproute2 procps util-linux-extra # the guest
    busybox-static uidmap jq strace sudo apparmor ca-certificates                                    # what tests use
    runc crun                                                                                        # the peers
    "${@:2}"                                                                                         # what was asked for
)

want() {
    dpkg -s "$@" >/dev/null 2>&1 && return
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@" >&2 && return
    apt-get -qq -o DPkg::Lock::Timeout=300 update >&2
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@" >&2
}

# unpack SUITE PACKAGE DIR: a package of any suite; of a metapackage of kernels the kernel.
unpack() {
    local apt=$work/apt-$1 package=$2 options
    mkdir -p "$apt/lists" "$apt/cache" "$apt/deb"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $VM_MIRROR $1 main" >"$apt/sources.list"
    options=(-qq -o "Dir::State::Lists=$apt/lists" -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=-
        -o "Dir::Cache=$apt/cache" -o Dir::State::Status=/dev/null -o APT::Sandbox::User=root -o Acquire::Languages=none)
    [ -n "$(ls "$apt/lists")" ] || apt-get "${options[@]}" update
    if [[ $package == linux-image-* ]]; then
        package=$(apt-cache "${options[@]}" depends "$package" | sed -n 's/.*Depends: \(linux-image-.*\)/\1/p' | head -1)
    fi
    (cd "$apt/deb" && apt-get "${options[@]}" download "$package" && dpkg -x "$package"_*.deb "$3")
}

# Debian's own kernels for QEMU: of its virtual machines, and of Debian 12, the last with all of cgroup v1 and with a software
# rdma device; user-mode Linux from sid, since its faster mode (seccomp) is new there.
kernels() {
    local version modules=$root/usr/lib/modules
    unpack "$suite" linux-image-cloud-amd64 "$work/qemu"
    unpack bookworm linux-image-amd64 "$work/qemu-6.1"
    unpack sid user-mode-linux "$work/uml"
    cp "$work/uml/usr/bin/linux.uml" "$work/linux.uml"
    cp -L "$root/lib64/ld-linux-x86-64.so.2" "$root/lib/x86_64-linux-gnu/libc.so.6" "$work/"
    rm -rf "$modules"
    mkdir "$modules"
    mv "$work"/{qemu/usr/lib,qemu-6.1/lib,uml/usr/lib/uml}/modules/* "$modules/"
    for version in "$modules"/*; do
        rm -rf "$version"/kernel/{sound,drivers/{scsi,gpu,media,usb,target,isdn,mtd,iio,hwmon,staging,ata,platform}} \
            "$version"/kernel/{drivers/{net/{ethernet,wireless},infiniband/{hw,ulp}},net/{can,bluetooth,wireless}}
        chroot "$root" depmod "${version##*/}"
    done
}

# ramdisk ENGINE: its kernel, and a RAM disk with the modules, in their order, by which the kernel finds its disk.
ramdisk() {
    local tree=$work/initrd kernel file number=10
    kernel=$(echo "$work/$1"/boot/vmlinuz-*)
    mkdir -p "$tree/bin" "$tree/new" "$tree/proc" "$tree/dev" "$tree/modules"
    cp "$kernel" "$work/$1.vmlinuz"
    cp "$(command -v busybox)" "$tree/bin/busybox"
    cp "$here/guest/initrd" "$tree/init"
    chroot "$root" modprobe --all --set-version "${kernel#*/vmlinuz-}" --show-depends virtio_pci virtio_blk ext4 |
        sed -n 's/^insmod //p' | while read -r file; do
        number=$((number + 1))
        case $file in *.xz) xz -dc "$root$file" ;; *) cat "$root$file" ;; esac >"$tree/modules/$number.ko"
    done
    (cd "$tree" && find . | busybox cpio -o -H newc 2>/dev/null) >"$work/$1.initrd"
    rm -rf "$tree"
}

settings() {
    local unit
    cp -r "$here"/guest/{etc,usr} "$root/"
    cp -L "$(command -v node)" "$root/usr/local/bin/node"
    echo guest >"$root/etc/hostname"
    echo '127.0.0.1 localhost guest' >"$root/etc/hosts"
    echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
    chroot "$root" useradd -m -u 1000 -s /bin/bash dev # with sub-ids, for rootless containers
    for unit in apparmor ldconfig systemd-{hwdb-update,journal-catalog-update,sysusers,update-done,firstboot,random-seed} \
        systemd-{pcrphase-sysinit,journal-flush,update-utmp,machine-id-commit} modprobe@{drm,efi_pstore}; do
        ln -sfn /dev/null "$root/etc/systemd/system/$unit.service" # nothing to be done in a guest of minutes
    done
}

want mmdebstrap e2fsprogs xz-utils busybox-static debian-archive-keyring
echo "image.sh: making the guest $image" >&2
work=$image.tmp
stage=$(mktemp -d "$([ "$(df --output=avail -k /dev/shm | tail -1)" -gt 3000000 ] && echo /dev/shm || echo /var/tmp)/vm.XXXXXX")
root=$stage/root
trap 'rm -rf "$work" "$stage"' EXIT
rm -rf "$work"
mkdir -p "$work"
mmdebstrap --quiet --variant=minbase --include="$(IFS=, && echo "${packages[*]}")" --dpkgopt=force-unsafe-io \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' "$suite" "$root" "$VM_MIRROR" >&2
kernels >&2
ramdisk qemu
ramdisk qemu-6.1
settings
mke2fs -q -t ext4 -O ^has_journal -E lazy_itable_init=1 -d "$root" "$work/root.ext4" 4G
rm -rf "$work"/{apt-*,uml,qemu,qemu-6.1} "$image"
mv "$work" "$image"
