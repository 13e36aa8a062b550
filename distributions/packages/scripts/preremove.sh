# Before the files are removed: deb prerm, rpm %preun, apk pre-deinstall. An upgrade stops
# nothing.
case $format:${1:-} in
deb:remove) service stop ;;
rpm:0)
	if systemd_runs; then
		systemctl --no-reload disable --now "$unit" >/dev/null || true
	fi
	if [ -e "$folder/agent-access.json" ] && [ "$role" = agent ]; then
		tenantctl setup --remove-access || true
	fi
	;;
apk:*)
	if command -v rc-service >/dev/null; then
		rc-service --ifstarted "otelcol-tenant-$role" stop || true
		rc-update --quiet delete "otelcol-tenant-$role" || true
	fi
	;;
esac
