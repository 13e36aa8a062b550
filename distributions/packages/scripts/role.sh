# What the maintainer scripts of a role share. The package build writes before it:
#   format  deb, rpm or apk
#   role    agent or gateway
# shellcheck shell=sh disable=SC2034,SC2154
unit=otelcol-tenant-$role.service
user=otelcol-tenant-$role
folder=/etc/otelcol-tenant

# systemd_runs: in a container, a chroot or an image build it does not, and nothing is started.
systemd_runs() { [ -d /run/systemd/system ]; }

# service COMMAND: what an administrator forbids with policy-rc.d is not done on Debian.
service() {
	systemd_runs || return 0
	if [ "$format" = deb ] && command -v deb-systemd-invoke >/dev/null; then
		deb-systemd-invoke "$1" "$unit" >/dev/null || echo "otelcol-tenant-$role: could not $1 $unit: see systemctl status $unit" >&2
	else
		systemctl "$1" "$unit" >/dev/null || echo "otelcol-tenant-$role: could not $1 $unit: see systemctl status $unit" >&2
	fi
}

# create_user creates the system user of the service and its group.
create_user() {
	if getent passwd "$user" >/dev/null; then return 0; fi
	case $format in
	deb) adduser --quiet --system --group --home "/var/lib/$user" --no-create-home --gecos "otelcol-tenant $role" "$user" ;;
	rpm)
		getent group "$user" >/dev/null || groupadd --system "$user"
		useradd --system --gid "$user" --home-dir "/var/lib/$user" --no-create-home --shell /sbin/nologin --comment "otelcol-tenant $role" "$user"
		;;
	apk)
		addgroup -S "$user"
		adduser -S -D -H -h "/var/lib/$user" -s /sbin/nologin -G "$user" -g "otelcol-tenant $role" "$user"
		;;
	esac
}
