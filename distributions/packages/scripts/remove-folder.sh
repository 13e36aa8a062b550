# After the removal of otelcol-tenant: the folder of the configuration goes with the last file.
if [ "${1:-}" = purge ]; then rmdir --ignore-fail-on-non-empty /etc/otelcol-tenant 2>/dev/null || true; fi
