# shellcheck shell=bash
# Functions of the scripts beside this file, which source it.
#
#   DOCKER     the command of Docker                              docker
#   TENANTCTL  a tenantctl to use instead of that in the image

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$here" || exit 1

fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

say() { printf '%s\n' "$*" >&2; }

# setting NAME: a value of .env.
setting() { sed -n "s/^$1=//p" .env | tail -n 1; }

# configure NAME VALUE: changes or adds a line of .env.
configure() {
    local rest
    rest=$(grep -v "^$1=" .env || true)
    { printf '%s\n' "$rest" && printf '%s=%s\n' "$1" "$2"; } > .env.new
    cat .env.new > .env # keeps owner and mode
    rm .env.new
}

# compose ARGUMENT...: with the files of all instances, which .env lists.
compose() { "${DOCKER:-docker}" compose --project-directory "$here" "$@"; }

# ctl ARGUMENT...: tenantctl on the registry of the stack.
ctl() {
    if [ -n "${TENANTCTL:-}" ]; then
        TENANTCTL_REGISTRY=$here/registry/tenants.yaml "$TENANTCTL" "$@"
    else
        compose run --rm -T tenantctl "$@"
    fi
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

# random: 48 hexadecimal digits.
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# secret NAME [TEXT]: creates secrets/NAME once, random without TEXT. The folder is its
# owner's only; the files are readable, because each container reads its own as another user.
secret() {
    local file=secrets/$1
    [ ! -s "$file" ] || return 0
    (umask 0333 && printf '%s' "${2:-$(random)}" > "$file.new")
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
    secret "signoz-$1_root_password" "Aa1!$(random)" # SigNoz requires all four kinds of characters
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
    compose exec -T nginx nginx -t -q -c /etc/nginx/nginx.conf || fail 'nginx rejects its configuration: see the message above. The running nginx keeps the old one.'
    compose exec -T nginx nginx -s reload -c /etc/nginx/nginx.conf
}

# tenant_of LABEL: the tenant that uses the label, or nothing.
tenant_of() { cat "instances/$1.tenant" 2> /dev/null || true; }

# needs_env: fails without .env.
needs_env() { [ -s .env ] || fail 'there is no .env: run scripts/up.sh first'; }
