# A PostgreSQL server with the database "tenants", and a registry in it.
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
id -u postgres >/dev/null 2>&1 || useradd --system postgres
install -d -m 0700 -o postgres /run/postgres
setpriv --reuid postgres --clear-groups "$bin/initdb" -A trust -U tenants -D /run/postgres/data >/dev/null
setpriv --reuid postgres --clear-groups "$bin/pg_ctl" -w -D /run/postgres/data -l /run/postgres/log -o "-k /run/postgres -c fsync=off" start >/dev/null
createdb -h 127.0.0.1 -U tenants tenants
export TENANTCTL_REGISTRY='postgres://tenants@127.0.0.1/tenants?sslmode=disable'
tenantctl registry migrate 2>&1
