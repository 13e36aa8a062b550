# The binaries of make build, where the package installs them.
[ -x /run/src/_build/otelcol-tenant ] || missing "_build/otelcol-tenant (run make build)"
install -m 0755 /run/src/_build/otelcol-tenant /run/src/_build/tenantctl /usr/bin/
