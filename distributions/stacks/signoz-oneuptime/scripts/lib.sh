# shellcheck shell=bash
# Functions of the scripts beside this file, which source it. Those of all stacks are in
# ../../lib/common.sh, which it sources.

caller=$PWD
STACK=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=../../lib/common.sh
. "$STACK/../lib/common.sh"
cd "$STACK" || exit 1
# COMPOSE_FILE of .env has the files of all instances.
[ -z "${TENANTCTL:-}" ] || export TENANTCTL_REGISTRY=$STACK/registry/tenants.yaml

# absolute PATH: a path as the caller meant it; the scripts work in the folder of the stack.
absolute() {
    case $1 in
    /*) printf '%s' "$1" ;;
    *) printf '%s/%s' "$caller" "$1" ;;
    esac
}

# configure NAME VALUE: changes or adds a line of .env.
configure() {
    local rest
    rest=$(grep -v "^$1=" .env || true)
    cp -p .env .env.new # keeps owner and mode
    { printf '%s\n' "$rest" && printf '%s=%s\n' "$1" "$2"; } > .env.new
    mv .env.new .env # all of it or nothing, if the script is killed
}

# label TENANT: the tenant's name in host names and services: small letters, digits and
# hyphens. Fails if the ID cannot be one.
label() {
    local text
    text=$(printf '%s' "$1" | tr '[:upper:]_.' '[:lower:]--')
    if ! [[ $text =~ ^[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?$ ]]; then
        return 1
    fi
    printf '%s' "$text"
}

# What the compose files put behind the label in names of services, networks and volumes, and what
# they have in its place.
LABEL_SUFFIXES=(backups clickhouse collector migrator sqlite store)
RESERVED_LABELS=(shared scripts)

# label_is_free LABEL: ends the script if names of this label would be those of another one, or of
# the stack.
label_is_free() {
    local name suffix
    for name in "${RESERVED_LABELS[@]}"; do
        [ "$1" != "$name" ] || die "the label \"$1\" is that of a part of the stack, such as the shared SigNoz: choose another with --label"
    done
    for suffix in "${LABEL_SUFFIXES[@]}"; do
        [[ $1 != *-$suffix ]] || die "the label \"$1\" ends in \"-$suffix\", as names of services do: choose another with --label"
        [ ! -f "instances/$1-$suffix.tenant" ] || die "the label \"$1-$suffix\" of the tenant $(tenant_of "$1-$suffix") has the names that services of \"$1\" would have: choose another with --label"
    done
}

# removing LABEL: the compose file of a SigNoz whose removal has begun.
removing() { printf 'instances/removing-%s.yaml' "$1"; }

# use_instances WITHOUT: lists the files of all instances but this one in .env.
use_instances() {
    local file files=compose.yaml
    for file in instances/signoz-*.yaml; do
        if [ -f "$file" ] && [ "$file" != "$1" ]; then
            files=$files:$file
        fi
    done
    [ "$(setting COMPOSE_FILE)" = "$files" ] || configure COMPOSE_FILE "$files"
}

# secret NAME [TEXT]: creates secrets/NAME once, random without TEXT. The folder is its
# owner's only; the files are readable, because each container reads its own as another user.
secret() {
    local file=secrets/$1
    [ ! -s "$file" ] || return 0
    (umask 0333 && printf '%s' "${2:-$(random_text 48)}" > "$file.new")
    chmod 0444 "$file.new"
    mv "$file.new" "$file"
}

# clickhouse_secrets PREFIX: a password, and the file with its digest for ClickHouse.
clickhouse_secrets() {
    secret "$1_clickhouse_password"
    local digest
    digest=$(sha256sum < "secrets/$1_clickhouse_password" | cut -d ' ' -f 1)
    secret "$1_clickhouse_users" "<clickhouse><users><default><password remove=\"1\"/><password_sha256_hex>$digest</password_sha256_hex></default></users></clickhouse>"
}

# signoz_secrets LABEL
signoz_secrets() {
    clickhouse_secrets "signoz-$1"
    secret "signoz-$1_jwt_secret"
    secret "signoz-$1_root_password" "Aa1!$(random_text 48)" # SigNoz requires all four kinds of characters
}

# write FILE: standard input into FILE, if that changes it. Returns 1 if nothing changed.
write() {
    local text
    text=$(cat)
    if [ -f "$1" ] && [ "$(cat "$1")" = "$text" ]; then
        return 1
    fi
    printf '%s\n' "$text" > "$1.new"
    mv "$1.new" "$1"
}

# hosts NAME OTLP_HOST TENANT UI_HOST UI_UPSTREAM RESTRICTED: the lines of nginx's maps. An
# empty host has no lines. Returns 1 if nothing changed.
hosts() {
    local name=$1 changed=1
    local otlp_names='' otlp='' ui_names='' ui='' restricted=''
    if [ -n "$2" ]; then
        otlp_names="server_name $2;"
        [ -z "$3" ] || otlp="$2 \"$3\";"
    fi
    if [ -n "$4" ]; then
        ui_names="server_name $4;"
        ui="$4 $5;"
        [ "$6" != 1 ] || restricted="$4 1;"
    fi
    printf '%s' "$otlp_names" | write "hosts/$name.otlp_names" && changed=0
    printf '%s' "$otlp" | write "hosts/$name.otlp" && changed=0
    printf '%s' "$ui_names" | write "hosts/$name.ui_names" && changed=0
    printf '%s' "$ui" | write "hosts/$name.ui" && changed=0
    printf '%s' "$restricted" | write "hosts/$name.restricted" && changed=0
    return $changed
}

# reload_nginx: checks the configuration first, so that a mistake does not stop nginx.
reload_nginx() {
    compose exec -T nginx nginx -t -q -c /etc/nginx/nginx.conf || die 'nginx rejects its configuration: see the message above. The running nginx keeps the old one.'
    compose exec -T nginx nginx -s reload -c /etc/nginx/nginx.conf
}

# tenant_of LABEL: the tenant that uses the label, or nothing.
tenant_of() { cat "instances/$1.tenant" 2> /dev/null || true; }

# needs_env: fails without .env.
needs_env() { [ -s .env ] || die 'there is no .env: run scripts/up.sh first'; }

# clickhouse SERVICE ARGUMENT...: clickhouse-client in a container of ClickHouse.
clickhouse() {
    local service=$1
    shift
    # shellcheck disable=SC2016 # the container's shell expands it
    compose exec -T "$service" sh -c 'CLICKHOUSE_PASSWORD=$(cat /run/secrets/clickhouse_password) exec clickhouse-client "$@"' - "$@"
}

# label_of TENANT: the label that create-tenant.sh gave it. Fails if there is none.
label_of() {
    local file
    for file in instances/*.tenant; do
        if [ -f "$file" ] && [ "$(cat "$file")" = "$1" ]; then
            file=${file##*/}
            printf '%s' "${file%.tenant}"
            return
        fi
    done
    return 1
}

# dedicated TENANT: whether the registry says so.
dedicated() { tenantctl tenant show "$1" -o json | tr -d ' \n' | grep -q '"isolation":"dedicated"'; }

# tenant_tables: what a tenant has in a SigNoz that it shares: database, table, condition.
# Resources and series come before what refers to them.
tenant_tables() {
    cat <<'TABLES'
signoz_logs logs_v2_resource JSONExtractString(labels, 'business_id') = {tenant:String}
signoz_logs logs_v2 resources_string['business_id'] = {tenant:String}
signoz_traces traces_v3_resource JSONExtractString(labels, 'business_id') = {tenant:String}
signoz_traces signoz_index_v3 resources_string['business_id'] = {tenant:String}
signoz_metrics time_series_v4 JSONExtractString(labels, 'business_id') = {tenant:String}
signoz_metrics samples_v4 fingerprint IN (SELECT fingerprint FROM signoz_metrics.time_series_v4 WHERE JSONExtractString(labels, 'business_id') = {tenant:String})
TABLES
}

# databases SERVICE: "DATABASE a, DATABASE b" of SigNoz or OneUptime.
databases() {
    clickhouse "$1" --query "SELECT arrayStringConcat(groupArray('DATABASE ' || backQuote(name)), ', ') FROM system.databases WHERE name LIKE 'signoz%' OR name = 'oneuptime'"
}

# back_up_clickhouse SERVICE FILE: all databases in one archive.
back_up_clickhouse() {
    local name list
    name=$(basename "$2")
    list=$(databases "$1")
    [ -n "$list" ] || die "$1 has no databases to back up"
    compose exec -T "$1" rm -f "/backups/$name"
    clickhouse "$1" --query "BACKUP $list TO File('$name')" > /dev/null
    compose cp "$1:/backups/$name" "$2"
    compose exec -T "$1" rm -f "/backups/$name"
}

# restore_clickhouse SERVICE FILE: replaces the databases of the archive.
restore_clickhouse() {
    local name database
    name=$(basename "$2")
    compose cp "$2" "$1:/backups/$name"
    for database in $(clickhouse "$1" --query "SELECT name FROM system.databases WHERE name LIKE 'signoz%' OR name = 'oneuptime'"); do
        clickhouse "$1" --query "DROP DATABASE \`$database\` SYNC"
    done
    clickhouse "$1" --query "RESTORE ALL FROM File('$name')" > /dev/null
    compose exec -T "$1" rm -f "/backups/$name"
}
