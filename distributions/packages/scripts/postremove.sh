# After the files are removed: deb postrm, rpm %postun. Only dpkg has a purge, which removes
# state, keys and configuration without a question.
if systemd_runs; then systemctl daemon-reload >/dev/null || true; fi
if [ "$format" = deb ] && command -v deb-systemd-helper >/dev/null; then
	case $1 in
	remove) deb-systemd-helper mask "$unit" >/dev/null ;;
	purge)
		deb-systemd-helper purge "$unit" >/dev/null
		deb-systemd-helper unmask "$unit" >/dev/null
		;;
	esac
fi
if [ "$format:${1:-}" = deb:purge ]; then
	rm -rf "/var/lib/$user" "/run/$user" "/etc/systemd/system/$unit.d"
	case $role in
	gateway)
		rm -rf "$folder/secrets" "$folder/tenants.yaml" "$folder/.tenants.yaml.lock" "$folder/tenants.yaml.audit" \
			"$folder"/tenants.yaml.audit-key*
		;;
	agent)
		# Access to log files of other users, which tenantctl setup has granted.
		if [ -e "$folder/agent-access.json" ]; then
			# A later user with the same number must not inherit the access.
			if ! tenantctl setup --remove-access >/dev/null; then
				echo "otelcol-tenant-agent: the user $user stays, because its access to log files could not be removed: see $folder/agent-access.json" >&2
				keep_user=yes
			fi
		fi
		rm -f "$folder/agent.env" "$folder/agent.key"
		;;
	esac
	rm -f "$folder/$role.yaml" "$folder/$role.yaml".dpkg-* "$folder/$role.env".dpkg-*
	rmdir --ignore-fail-on-non-empty "$folder" 2>/dev/null || true
	if [ -z "${keep_user:-}" ]; then
		if getent passwd "$user" >/dev/null && command -v userdel >/dev/null; then userdel "$user" 2>/dev/null || true; fi
		if getent group "$user" >/dev/null && command -v groupdel >/dev/null; then groupdel "$user" 2>/dev/null || true; fi
	fi
fi
