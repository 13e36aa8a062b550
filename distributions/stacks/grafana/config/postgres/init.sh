#!/bin/sh
# Runs once, when the database is empty. Creates the registry, which tenantctl owns and the
# gateway reads, and Grafana's database.
set -eu

secrets=${SECRETS_DIR:-/run/secrets}

# password FILE: the last field of a file in the format of .pgpass. Passwords are made of
# letters and digits, so no field needs quoting.
password() {
    value=$(cut -d: -f5 "$secrets/$1")
    case $value in
        '' | *[!A-Za-z0-9]*)
            echo "$1 has no password of letters and digits in its fifth field" >&2
            exit 1
            ;;
    esac
    printf %s "$value"
}

tenantctl=$(password tenantctl_pgpass)
gateway=$(password gateway_pgpass)
grafana=$(tr -d '\n' <"$secrets/grafana_db_password")
case $grafana in
    '' | *[!A-Za-z0-9]*)
        echo "grafana_db_password must consist of letters and digits" >&2
        exit 1
        ;;
esac

# Through standard input: other users can see arguments.
psql -X -q -v ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<SQL
create role tenantctl login password '$tenantctl';
create role gateway login password '$gateway';
alter role gateway set default_transaction_read_only = on;
create role grafana login password '$grafana';
create database tenants owner tenantctl;
create database grafana owner grafana;
revoke connect, temporary on database tenants from public;
grant connect on database tenants to gateway;
revoke connect, temporary on database grafana from public;
revoke connect on database postgres from public;
SQL
