#!/bin/sh
# Enters a Debian root that is an overlay: boot.sh MODE LOWER WRITABLE SHARED [COMMAND...]
# The caller has unshared the mount, PID and other namespaces.
#   MODE run      executes COMMAND in the root, without systemd
#   MODE systemd  executes systemd as process 1
# Copyright The otelcol-tenant Authors
# SPDX-License-Identifier: MIT
set -eu
mode=$1 lower=$2 writable=$3 shared=$4
shift 4

mount --make-rprivate /
root=$writable/root
mkdir -p "$root" "$writable/upper" "$writable/work"
mount -t overlay -o "lowerdir=$lower,upperdir=$writable/upper,workdir=$writable/work" overlay "$root"
mkdir -p "$root/share" "$root/oldroot"
if [ ! -e "$root/etc/hosts" ]; then printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"; fi
: >"$root/etc/resolv.conf" # names of the network are not resolved
mount --rbind "$shared" "$root/share"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$root/run"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/tmp"
mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
for device in null zero full random urandom tty; do
	touch "$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm"

if [ "$mode" = systemd ]; then
	if [ -d /sys/fs/cgroup/systemd ]; then
		mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
		mkdir "$root/sys/fs/cgroup/systemd"
		mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
	else
		mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
	fi
	# Timers that use the network or the disk while tests run.
	for timer in apt-daily apt-daily-upgrade dpkg-db-backup e2scrub_all fstrim; do
		ln -sf /dev/null "$root/etc/systemd/system/$timer.timer"
	done
	: >"$root/etc/fstab"
fi

cd "$root"
pivot_root . oldroot
umount -l /oldroot
rmdir /oldroot
if [ "$mode" = systemd ]; then
	# systemd expects this in a container. Without it units see no credentials.
	mount --make-rshared /
	exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		/lib/systemd/systemd --system --unit=multi-user.target --log-target=console --show-status=0 </dev/null
fi
exec "$@"
