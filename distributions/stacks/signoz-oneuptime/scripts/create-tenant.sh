#!/usr/bin/env bash
# Creates a tenant, or changes it to what the arguments say. May be repeated.
#
#   create-tenant.sh TENANT [--isolation shared|dedicated] [--name NAME]
#       [--oneuptime-token-file FILE] [--label LABEL]
#
# shared (default) stores the tenant's data in the shared SigNoz, where the attribute
# business_id distinguishes tenants, and which only the operator may open. dedicated starts a
# SigNoz of its own: ClickHouse, collector, user interface, networks, passwords.
# --oneuptime-token-file also sends the data to the tenant's project in OneUptime.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

tenant='' isolation='' name='' token_file='' label=''
while [ $# -gt 0 ]; do
    case $1 in
    --isolation | --name | --oneuptime-token-file | --label)
        [ $# -gt 1 ] || die "$1 needs a value"
        case $1 in
        --isolation) isolation=$2 ;;
        --name) name=$2 ;;
        --oneuptime-token-file) token_file=$(absolute "$2") ;;
        --label) label=$2 ;;
        esac
        shift 2
        ;;
    -*) die "unknown option $1" ;;
    *)
        [ -z "$tenant" ] || die "one tenant at a time, not $tenant and $1"
        tenant=$1
        shift
        ;;
    esac
done
[ -n "$tenant" ] || die 'usage: create-tenant.sh TENANT [--isolation shared|dedicated] [--name NAME] [--oneuptime-token-file FILE] [--label LABEL]'
# It becomes part of nginx's configuration before tenantctl sees it.
tenant_id "$tenant"
needs_env
domain=$(setting DOMAIN)
[ -n "$domain" ] || die 'DOMAIN is not set in .env'

if [ -z "$label" ]; then
    label=$(label "$tenant") || die "the tenant's ID \"$tenant\" cannot be part of a host name: add --label with up to 30 small letters, digits and hyphens"
elif [ "$(label "$label" || true)" != "$label" ]; then
    die "--label \"$label\": use up to 30 small letters, digits and hyphens"
fi
other=$(tenant_of "$label")
[ -n "$other" ] || label_is_free "$label"
if [ -n "$other" ] && [ "$other" != "$tenant" ]; then
    die "the label \"$label\" belongs to the tenant $other: choose another with --label"
fi
for file in instances/*.tenant; do
    if [ -f "$file" ] && [ "$(cat "$file")" = "$tenant" ] && [ "$file" != "instances/$label.tenant" ]; then
        file=${file##*/}
        die "the tenant $tenant has the label \"${file%.tenant}\" already: repeat it with --label"
    fi
done

instance=instances/signoz-$label.yaml
if [ -z "$isolation" ]; then
    isolation=shared
    [ ! -f "$instance" ] || isolation=dedicated
fi
routes=signoz_shared endpoint=''
case $isolation in
shared)
    # The instance keeps running with what it has stored.
    ;;
dedicated)
    # A tenant of an earlier version may have any label.
    [ -f "$instance" ] || label_is_free "$label"
    routes=signoz_dedicated
    endpoint=http://signoz-$label-collector:4318
    ;;
*) die "--isolation is \"shared\" or \"dedicated\", not \"$isolation\"" ;;
esac

# A SigNoz of its own starts before the registry sends data to it.
ui_host='' ui_upstream=''
if [ "$isolation" = dedicated ]; then
    signoz_secrets "$label"
    sed -e "s/@LABEL@/$label/g" -e "s/@HOST@/signoz-$label.$domain/g" config/signoz/template.yaml | write "$instance" || true
fi
if [ -f "$instance" ]; then
    ui_host=signoz-$label.$domain
    ui_upstream=signoz-$label:8080
    use_instances ''
    say "Starting the SigNoz of $tenant. nginx and the gateway are recreated to join its network; senders retry for some seconds."
    compose up --detach --wait
fi

reload=
hosts "$label" "otlp-$label.$domain" "$tenant" "$ui_host" "$ui_upstream" 0 && reload=1
printf '%s' "$tenant" | write "instances/$label.tenant" || true

arguments=(--isolation "$isolation")
[ -z "$name" ] || arguments+=(--name "$name")
[ -z "$endpoint" ] || arguments+=(--var "signoz_endpoint=$endpoint")
token=secrets/tenants/$label.oneuptime_token
if [ -n "$token_file" ]; then
    [ -s "$token_file" ] || die "$token_file is missing or empty"
    tr -d ' \r\n' < "$token_file" > "$token.new"
    chmod 0444 "$token.new" # the folder secrets is its owner's only
    mv "$token.new" "$token"
fi
if [ -s "$token" ]; then
    routes=$routes,oneuptime
    # shellcheck disable=SC2016 # the gateway expands it
    arguments+=(--var "oneuptime_token=\${file:/etc/otelcol-tenant/secrets/$label.oneuptime_token}")
fi
for signal in logs metrics traces; do
    arguments+=(--route "$signal=$routes")
done

if tenantctl tenant show "$tenant" > /dev/null 2>&1; then
    tenantctl tenant update "$tenant" "${arguments[@]}" >&2
else
    tenantctl tenant create "$tenant" "${arguments[@]}" >&2
fi
[ -z "$reload" ] || reload_nginx

# One key, unless the tenant has keys: nothing prints the same key twice.
if [ "$(tenantctl key list "$tenant" -o json | tr -d ' \n')" != '[]' ]; then
    say "$tenant has keys: scripts/create-tenant.sh creates no further one. tenantctl key create $tenant does."
else
    directory=onboarding/$label
    target=/onboarding/$label
    [ -z "${TENANTCTL:-}" ] || target=$STACK/$directory
    tenantctl onboard "$tenant" --endpoint "https://otlp-$label.$domain" --new-key --directory "$target" >&2
    say "Key and configuration for $tenant are in $STACK/$directory: hand them over and delete them."
fi
say "$tenant sends to https://otlp-$label.$domain (HTTP, gRPC, remote write, Loki push; 4317 and 4318 too)."
[ -z "$ui_host" ] || say "Its SigNoz is https://$ui_host, first user $(setting SIGNOZ_ROOT_EMAIL), password in secrets/signoz-${label}_root_password."
