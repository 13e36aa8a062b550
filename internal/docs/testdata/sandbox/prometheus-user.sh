# The user that Debian's package of Prometheus creates.
id -u prometheus >/dev/null 2>&1 || useradd --system prometheus
