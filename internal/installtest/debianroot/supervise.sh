#!/bin/sh
# Runs a machine with systemd until its standard input ends, which happens at the latest when
# the test's process ends: supervise.sh GROUP NETWORK BOOT ARGUMENT...
# GROUP names the control groups that it creates and removes. NETWORK is private or host.
# It prints the process ID of unshare, whose only child is systemd.
# Copyright The otelcol-tenant Authors
# SPDX-License-Identifier: MIT
set -u
group=$1 network=$2
shift 2

# hierarchies prints the folder of this process in each hierarchy of control groups.
hierarchies() {
	while IFS=: read -r _ controllers path; do
		name=${controllers#name=}
		case $controllers in
		cpuset) continue ;; # a new group has no processors, so nothing can join it
		'') if [ -d /sys/fs/cgroup/unified ]; then name=unified; else name=; fi ;;
		esac
		folder=/sys/fs/cgroup/$name$path
		if [ -d "$folder" ]; then echo "${folder%/}"; fi
	done </proc/self/cgroup
}

folders=$(hierarchies)
for folder in $folders; do
	mkdir "$folder/$group" || exit 1
done

(
	own=$(exec sh -c 'echo $PPID')
	for folder in $folders; do
		echo "$own" >"$folder/$group/cgroup.procs"
	done
	if [ "$network" = private ]; then net=--net; else net=; fi
	exec unshare --mount --pid --fork --kill-child --ipc --uts --cgroup $net "$@" </dev/null
) >&2 &
child=$!
echo $child

cat >/dev/null # until the test closes it
kill -9 $child 2>/dev/null
wait $child 2>/dev/null
# The kernel removes processes from their groups a moment after their end.
for folder in $folders; do
	tries=0
	while ! find "$folder/$group" -depth -type d -exec rmdir {} + 2>/dev/null; do
		tries=$((tries + 1))
		if [ $tries -gt 50 ]; then
			echo "cannot remove $folder/$group" >&2
			break
		fi
		sleep 0.1
	done
done
