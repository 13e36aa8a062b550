# The working directory is that of the rules for Prometheus.
command -v promtool >/dev/null || missing promtool
cd /run/src/distributions/monitoring
