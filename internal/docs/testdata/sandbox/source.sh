# The source tree after make build, as the working directory.
[ -x /run/src/_build/otelcol-tenant ] || missing "_build/otelcol-tenant (run make build)"
cd /run/src
