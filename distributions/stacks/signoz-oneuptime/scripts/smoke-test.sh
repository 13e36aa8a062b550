#!/usr/bin/env bash
# Proves that two tenants work and stay apart: sends logs, metrics and traces of each through
# nginx and the gateway with keys of a quarter of an hour, and looks for them in every store.
#
#   smoke-test.sh TENANT_A TENANT_B [--no-stores]
#
#   CA_FILE     certificates to trust, for a certificate of one's own
#   ADDRESS     of nginx                                            127.0.0.1
#   HTTPS_PORT  of nginx                                            443
#
# Exit status 0: everything that was checked is right. The last line lists what was not.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

stores=1
[ "${3:-}" != --no-stores ] || stores=
[ $# -ge 2 ] || die 'usage: smoke-test.sh TENANT_A TENANT_B [--no-stores]'
tenant_id "$1"
tenant_id "$2"
[ "$1" != "$2" ] || die 'two different tenants are needed'
needs_env
domain=$(setting DOMAIN)
port=${HTTPS_PORT:-443}
[ -z "${CA_FILE:-}" ] || CA_FILE=$(absolute "$CA_FILE")
umask 077
work=$(mktemp -d)
failures=0 skipped=''
declare -A key_ids

cleanup() {
    local id
    for id in "${key_ids[@]}"; do
        tenantctl key revoke "$id" > /dev/null 2>&1 || say "revoke the key $id yourself: tenantctl key revoke $id"
    done
    rm -rf "$work"
}
trap cleanup EXIT

ok() { printf 'ok    %s\n' "$*"; }
wrong() {
    printf 'FAIL  %s\n' "$*"
    failures=$((failures + 1))
}
skip() { skipped="$skipped${skipped:+, }$*"; }

# request HOST PATH [OPTION...]: the status of a request. Keys reach curl by files.
request() {
    local host=$1 path=$2
    shift 2
    local url=https://$host:$port$path
    : > "$work/answer"
    curl --silent --show-error --output "$work/answer" --write-out '%{http_code}' --max-time 20 \
        --connect-to "$host:$port:${ADDRESS:-127.0.0.1}:$port" ${CA_FILE:+--cacert "$CA_FILE"} "$@" "$url" 2> "$work/error" || true
}

# expect WHAT STATUS GOT
expect() {
    if [ "$2" = "$3" ]; then ok "$1: $3"; else wrong "$1: $3 instead of $2 $(head -q -c 200 "$work/answer" "$work/error" 2> /dev/null | tr '\n' ' ')"; fi
}

marker=smoke-$(random_text 12 | tr "[:upper:]" "[:lower:]")
now=$(date +%s)

# hexadecimal BYTES: random digits.
hexadecimal() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# payload SIGNAL TENANT: OTLP in JSON with the marker.
payload() {
    local resource='"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"smoke-test"}}]}'
    case $1 in
    logs) printf '{"resourceLogs":[{%s,"scopeLogs":[{"logRecords":[{"timeUnixNano":"%s000000000","severityNumber":9,"severityText":"INFO","body":{"stringValue":"%s-%s"}}]}]}]}' "$resource" "$now" "$marker" "$2" ;;
    metrics) printf '{"resourceMetrics":[{%s,"scopeMetrics":[{"metrics":[{"name":"smoke.test","gauge":{"dataPoints":[{"timeUnixNano":"%s000000000","asDouble":1,"attributes":[{"key":"marker","value":{"stringValue":"%s-%s"}}]}]}}]}]}]}' "$resource" "$now" "$marker" "$2" ;;
    traces) printf '{"resourceSpans":[{%s,"scopeSpans":[{"spans":[{"traceId":"%s","spanId":"%s","name":"%s-%s","kind":1,"startTimeUnixNano":"%s000000000","endTimeUnixNano":"%s500000000"}]}]}]}' "$resource" "$(hexadecimal 16)" "$(hexadecimal 8)" "$marker" "$2" "$now" "$now" ;;
    esac
}

for tenant in "$1" "$2"; do
    label=$(label_of "$tenant") || die "there is no tenant $tenant: scripts/create-tenant.sh creates tenants"
    tenantctl key create "$tenant" --description smoke-test --expires 15m -o json > "$work/key.json"
    key_ids[$label]=$(sed -n 's/.*"id": *"\([^"]*\)".*/\1/p' "$work/key.json" | head -n 1)
    printf 'header = "Authorization: Bearer %s"\n' "$(sed -n 's/.*"key": *"\([^"]*\)".*/\1/p' "$work/key.json" | head -n 1)" > "$work/$label.curl"
    rm "$work/key.json"
done

label_a=$(label_of "$1") label_b=$(label_of "$2")
for tenant in "$1" "$2"; do
    label=$(label_of "$tenant")
    for signal in logs metrics traces; do
        payload "$signal" "$label" > "$work/body"
        status=
        for _ in 1 2 3 4 5; do # a running gateway knows a new key within a second
            status=$(request "otlp-$label.$domain" "/v1/$signal" --config "$work/$label.curl" --header 'Content-Type: application/json' --data-binary "@$work/body")
            [ "$status" = 401 ] || break
            sleep 1
        done
        expect "$tenant sends $signal" 200 "$status"
    done
done

payload logs "$label_a-stolen" > "$work/body"
expect "the key of $1 at the host of $2" 401 "$(request "otlp-$label_b.$domain" /v1/logs --config "$work/$label_a.curl" --header 'Content-Type: application/json' --data-binary "@$work/body")"
expect "no key" 401 "$(request "otlp-$label_a.$domain" /v1/logs --header 'Content-Type: application/json' --data-binary "@$work/body")"
expect "a header that names another tenant, which nginx removes" 200 "$(request "otlp.$domain" /v1/logs --config "$work/$label_a.curl" --header "x-business-id: $2" --header 'Content-Type: application/json' --data-binary '{}')"
expect "a host that is not configured" 000 "$(request "unknown-$marker.$domain" /)"
expect "telemetry past the gateway" 404 "$(request "oneuptime.$domain" /otlp/v1/logs --data-binary '{}')"

# found SERVICE MARKER TENANT: rows of logs, metrics and traces with this marker, which all
# belong to the tenant; "mixed" if one does not.
found() {
    clickhouse "$1" --param_marker "$2" --param_tenant "$3" --query "
        SELECT if(countIf(owner != {tenant:String}) > 0, 'mixed', arrayStringConcat(arraySort(groupUniqArray(signal)), ' ')) FROM (
            SELECT 'logs' AS signal, resources_string['business_id'] AS owner FROM signoz_logs.distributed_logs_v2 WHERE body = {marker:String}
            UNION ALL SELECT 'traces', resources_string['business_id'] FROM signoz_traces.distributed_signoz_index_v3 WHERE name = {marker:String}
            UNION ALL SELECT 'metrics', JSONExtractString(labels, 'business_id') FROM signoz_metrics.distributed_time_series_v4 WHERE metric_name = 'smoke.test' AND JSONExtractString(labels, 'marker') = {marker:String})" < /dev/null
}

if [ -n "$stores" ]; then
    for tenant in "$1" "$2"; do
        label=$(label_of "$tenant")
        service=signoz-shared-clickhouse
        ! dedicated "$tenant" || service=signoz-$label-clickhouse
        got=
        for _ in $(seq 30); do
            got=$(found "$service" "$marker-$label" "$tenant")
            [ "$got" != 'logs metrics traces' ] || break
            sleep 2
        done
        expect "$tenant in $service" 'logs metrics traces' "$got"
        other=$1
        [ "$tenant" != "$1" ] || other=$2
        other_label=$(label_of "$other")
        if [ "$service" != signoz-shared-clickhouse ]; then
            expect "$other in $service" '' "$(found "$service" "$marker-$other_label" "$other")"
        fi
        expect "what the stolen key sent in $service" '' "$(found "$service" "$marker-$label_a-stolen" "$1")"
        if [ -s "secrets/tenants/$label.oneuptime_token" ]; then
            printf 'header = "x-oneuptime-token: %s"\n' "$(cat "secrets/tenants/$label.oneuptime_token")" > "$work/token.curl"
            expect "OneUptime knows the token of $tenant" 200 "$(compose exec -T oneuptime-ingress curl -sS -o /dev/null -w '%{http_code}' --config - -H 'Host: ingress' http://127.0.0.1:7849/otlp/v1/validate < "$work/token.curl")"
            rows=0
            for _ in $(seq 30); do
                rows=$(clickhouse oneuptime-clickhouse --param_marker "$marker-$label" --query 'SELECT count() FROM oneuptime.LogItemV3 WHERE body = {marker:String}' < /dev/null)
                [ "$rows" = 0 ] || break
                sleep 2
            done
            expect "logs of $tenant in OneUptime" 1 "$rows"
        else
            skip "OneUptime of $tenant (it has no token)"
        fi
    done
    for label in $label_a $label_b; do
        [ ! -f "instances/signoz-$label.yaml" ] || expect "user interface signoz-$label" 200 "$(request "signoz-$label.$domain" /)"
    done
    expect "user interface of OneUptime" 200 "$(request "oneuptime.$domain" / --location)"
else
    skip 'rows in the stores, user interfaces, OneUptime (--no-stores)'
fi

printf 'not checked: %s\n' "${skipped:-nothing}"
[ "$failures" = 0 ] || die "$failures checks failed"
