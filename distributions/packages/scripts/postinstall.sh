# After the files are installed: deb configure, rpm %post, apk post-install and post-upgrade.
case $format:${1:-} in
deb:configure)
	# The helper's mask shows that the package was removed, but not purged.
	if [ -z "${2:-}" ] || [ -e "/var/lib/systemd/deb-systemd-helper-masked/$unit" ]; then action=install; else action=upgrade; fi
	;;
deb:abort-*) action=install ;;
rpm:1) action=install ;;
rpm:*) action=upgrade ;;
apk:upgrade) action=upgrade ;;
apk:*) action=install ;;
*) exit 0 ;;
esac

if [ "$format" = deb ]; then create_user; fi

if [ "$action" = install ]; then
	chgrp "$user" "$folder/$role.yaml"
	if [ "$role" = gateway ]; then
		chgrp "$user" "$folder/secrets"
		# tenantctl keeps the owner and the mode of a registry when root changes it. So the
		# gateway can read it, and its user cannot write it.
		if [ ! -e "$folder/tenants.yaml" ]; then
			(umask 077 && printf 'tenants: []\n' >"$folder/tenants.yaml.new")
			chgrp "$user" "$folder/tenants.yaml.new"
			chmod 0640 "$folder/tenants.yaml.new"
			mv "$folder/tenants.yaml.new" "$folder/tenants.yaml"
		fi
	fi
fi

# The agent starts when it has a key; its setup enables it.
case $format in
deb)
	if command -v deb-systemd-helper >/dev/null; then
		deb-systemd-helper unmask "$unit" >/dev/null
		if [ "$role" = gateway ] && deb-systemd-helper --quiet was-enabled "$unit"; then
			deb-systemd-helper enable "$unit" >/dev/null
		else
			deb-systemd-helper update-state "$unit" >/dev/null
		fi
	fi
	;;
rpm)
	if [ "$action" = install ] && [ "$role" = gateway ] && command -v systemctl >/dev/null; then
		systemctl --no-reload preset "$unit" >/dev/null 2>&1 || true
	fi
	;;
esac

# valid runs the command of a reload that validates, as the unit's user and with its
# environment. Drop-ins apply.
valid() {
	check=$(systemctl show --property=ExecReload --value "$unit" | sed -n '/ validate /s/.*argv\[\]=\([^;]*\) ;.*/\1/p' | head -n 1)
	if [ -z "$check" ]; then return 0; fi
	set -- --quiet --wait --pipe --collect "--property=EnvironmentFile=-$folder/$role.env"
	for property in User Group; do
		set -- "$@" "--property=$property=$(systemctl show "--property=$property" --value "$unit")"
	done
	for assignment in $(systemctl show --property=Environment --value "$unit"); do
		set -- "$@" "--setenv=$assignment"
	done
	# shellcheck disable=SC2086 # the command has several words
	systemd-run "$@" $check </dev/null >&2
}

if systemd_runs; then
	systemctl daemon-reload >/dev/null || true
	if [ "$action" = install ]; then
		if [ "$role:$format" = gateway:deb ]; then service start; fi
	elif systemctl is-active --quiet "$unit"; then
		if valid; then
			service restart
		else
			echo "otelcol-tenant-$role: the configuration is not valid for the new version, see above. The previous version keeps running. Correct the configuration, then run: systemctl restart $unit" >&2
		fi
	fi
	if [ -e "/etc/systemd/system/$unit" ] && [ ! -L "/etc/systemd/system/$unit" ]; then
		echo "otelcol-tenant-$role: /etc/systemd/system/$unit replaces the unit of the package. To use the package's unit, remove that file and run: systemctl daemon-reload" >&2
	fi
elif [ "$format:$action" = apk:upgrade ] && command -v rc-service >/dev/null; then
	if rc-service --quiet "otelcol-tenant-$role" status >/dev/null 2>&1; then
		rc-service "otelcol-tenant-$role" restart || true # its start_pre validates
	fi
fi
