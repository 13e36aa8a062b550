# shellcheck shell=bash
# Proves that two tenants reach their own data, and not that of the other one, from the
# ingress to each backend that is given. Source it, and call smoke.
#
#   GATEWAY_URL               https://otlp.example.com, as clients reach it          required
#   TENANT_A, TENANT_B        IDs of two tenants                                     required
#   KEY_A_FILE, KEY_B_FILE    files with a key of each                               required
#   CA_FILE                   certificates that sign the gateway's                   default: those of the system
#   GRPC_URL                  https://otlp.example.com:4317                          default: GATEWAY_URL
#   REMOTE_WRITE_URL, LOKI_PUSH_URL  if they are not at GATEWAY_URL
#   SMOKE_TIMEOUT             seconds to wait until data can be queried              default: 60
# Backends; one without URL is listed as not checked:
#   LOKI_URL MIMIR_URL TEMPO_URL               tenants by X-Scope-OrgID
#   VICTORIALOGS_URL ACCOUNT_A ACCOUNT_B       tenants by AccountID
#   VICTORIAMETRICS_URL PROMETHEUS_URL         without tenants: by the label business_id
#   GRAFANA_URL GRAFANA_CREDENTIALS_FILE ORG_A ORG_B   queries through the data sources of both organizations
#   ARCHIVE_DIR               folder of the gateway's archive
# Keys and passwords are in files that curl reads, not in arguments, which others can see.

smoke_failures=0
smoke_checked=()
smoke_skipped=()

smoke_pass() { printf 'ok    %s\n' "$*"; }
smoke_fail() {
    printf 'FAIL  %s\n' "$*"
    smoke_failures=$((smoke_failures + 1))
}

# smoke_curl CONFIG ARGUMENT...: curl with a file of further options.
smoke_curl() {
    local config=$1
    shift
    curl --silent --show-error --max-time 20 ${CA_FILE:+--cacert "$CA_FILE"} --config "$config" "$@"
}

# smoke_status CONFIG ARGUMENT...: the status code, and the answer in $smoke_dir/answer.
smoke_status() {
    local config=$1
    shift
    smoke_curl "$config" --output "$smoke_dir/answer" --write-out '%{http_code}' "$@" 2>"$smoke_dir/error" || true
}

# smoke_expect WHAT WANT GOT: compares two statuses.
smoke_expect() {
    if [ "$2" = "$3" ]; then
        smoke_pass "$1"
    else
        smoke_fail "$1: status $3 instead of $2: $(head -c 300 "$smoke_dir/answer" 2>/dev/null | tr '\n' ' ') $(head -c 200 "$smoke_dir/error" | tr '\n' ' ')"
    fi
}

# smoke_post CONFIG PATH BODY: sends OTLP/JSON.
smoke_post() {
    smoke_status "$1" --header 'Content-Type: application/json' --data-binary "@$3" "${GATEWAY_URL%/}$2"
}

# smoke_payloads TIME NAME OTHER MARK TRACE: writes a log record, a gauge and a span that claim to be OTHER's.
smoke_payloads() {
    local now_ns=$1 name=$2 other=$3 mark=$4 trace=$5 resource
    resource='{"attributes":[{"key":"service.name","value":{"stringValue":"smoke"}},{"key":"business_id","value":{"stringValue":"'$other'"}}]}'
    printf '{"resourceLogs":[{"resource":%s,"scopeLogs":[{"logRecords":[{"timeUnixNano":"%s","severityText":"INFO","severityNumber":9,"body":{"stringValue":"%s"}}]}]}]}' \
        "$resource" "$now_ns" "$mark" >"$smoke_dir/$name-logs.json"
    printf '{"resourceMetrics":[{"resource":%s,"scopeMetrics":[{"metrics":[{"name":"smoke_test","gauge":{"dataPoints":[{"timeUnixNano":"%s","asInt":"1","attributes":[{"key":"mark","value":{"stringValue":"%s"}}]}]}}]}]}]}' \
        "$resource" "$now_ns" "$mark" >"$smoke_dir/$name-metrics.json"
    printf '{"resourceSpans":[{"resource":%s,"scopeSpans":[{"spans":[{"traceId":"%s","spanId":"%s","name":"%s","kind":1,"startTimeUnixNano":"%s","endTimeUnixNano":"%s"}]}]}]}' \
        "$resource" "$trace" "${trace:0:16}" "$mark" "$now_ns" "$now_ns" >"$smoke_dir/$name-traces.json"
    printf '{"streams":[{"stream":{"service_name":"smoke"},"values":[["%s","%s pushed"]]}]}' "$now_ns" "$mark" >"$smoke_dir/$name-push.json"
}

# smoke_send: sends the data of both tenants, and what must be rejected.
smoke_send() {
    local name signal config
    for name in a b; do
        config=$smoke_dir/key-$name
        for signal in logs metrics traces; do
            smoke_expect "tenant $name: $signal are accepted" 200 "$(smoke_post "$config" "/v1/$signal" "$smoke_dir/$name-$signal.json")"
        done
        smoke_expect "tenant $name: a push to Loki's API is accepted" 204 "$(smoke_status "$config" --header 'Content-Type: application/json' \
            --data-binary "@$smoke_dir/$name-push.json" "${LOKI_PUSH_URL:-${GATEWAY_URL%/}}/loki/api/v1/push")"
    done
    smoke_expect "no key is rejected" 401 "$(smoke_post /dev/null /v1/logs "$smoke_dir/a-logs.json")"
    printf 'header = "Authorization: Bearer obs_kaaaaaaa_wrong"\n' >"$smoke_dir/key-wrong"
    smoke_expect "a wrong key is rejected" 401 "$(smoke_post "$smoke_dir/key-wrong" /v1/logs "$smoke_dir/a-logs.json")"
    smoke_expect "a header with another tenant is rejected" 401 "$(smoke_status "$smoke_dir/key-a" --header "X-Scope-OrgID: $TENANT_B" \
        --header 'Content-Type: application/json' --data-binary "@$smoke_dir/a-logs.json" "${GATEWAY_URL%/}/v1/logs")"
    # The receiver of remote write answers itself: neither the ingress nor another receiver.
    smoke_expect "remote write reaches its receiver" 400 "$(smoke_status "$smoke_dir/key-a" --header 'Content-Type: application/x-protobuf' \
        --header 'Content-Encoding: snappy' --data-binary 'not snappy' "${REMOTE_WRITE_URL:-${GATEWAY_URL%/}/api/v1/write}")"
    smoke_grpc
}

# smoke_grpc: an empty export over gRPC, which is a frame of five zero bytes.
smoke_grpc() {
    local name want got attempt
    printf '\0\0\0\0\0' >"$smoke_dir/frame"
    for name in a wrong; do
        want=0
        [ "$name" = a ] || want=16 # UNAUTHENTICATED
        # curl reports some rejections that arrive before it has sent the body as a broken stream.
        for attempt in 1 2 3 4 5; do
            got=$(smoke_curl "$smoke_dir/key-$name" "${smoke_http2[@]}" --header 'Content-Type: application/grpc' --header 'TE: trailers' \
                --data-binary "@$smoke_dir/frame" --dump-header - --output /dev/null \
                "${GRPC_URL:-${GATEWAY_URL%/}}/opentelemetry.proto.collector.logs.v1.LogsService/Export" 2>"$smoke_dir/error" |
                tr -d '\r' | sed -n 's/^[Gg][Rr][Pp][Cc]-[Ss][Tt][Aa][Tt][Uu][Ss]: //p' | tail -1) || true
            [ -z "$got" ] || break
        done
        if [ "$got" = "$want" ]; then
            smoke_pass "gRPC with the key $name: status $want"
        else
            smoke_fail "gRPC with the key $name: status \"$got\" instead of $want in attempt $attempt: $(head -c 200 "$smoke_dir/error")"
        fi
    done
}

# smoke_isolated BACKEND QUERY: QUERY NAME prints what the tenant a or b sees. Each must see
# its own mark within the time limit. Once both are there, neither may see that of the other.
smoke_isolated() {
    local backend=$1 query=$2 name other end=$((SECONDS + ${SMOKE_TIMEOUT:-60}))
    smoke_checked+=("$backend")
    for name in a b; do
        while ! smoke_sees "$query" "$name" "$name"; do
            if [ "$SECONDS" -ge "$end" ]; then
                smoke_fail "$backend: tenant $name does not see its data after ${SMOKE_TIMEOUT:-60} s: $(head -c 300 "$smoke_dir/seen") $(head -c 200 "$smoke_dir/error")"
                return
            fi
            sleep 0.5
        done
    done
    for name in a b; do
        other=b
        [ "$name" = a ] || other=a
        if smoke_sees "$query" "$name" "$other"; then
            smoke_fail "$backend: tenant $name sees data of tenant $other"
        elif ! smoke_sees "$query" "$name" "$name"; then
            smoke_fail "$backend: tenant $name does not see its data any more"
        else
            smoke_pass "$backend: tenant $name sees its data, and not that of tenant $other"
        fi
    done
}

# smoke_sees QUERY NAME OWNER: whether the tenant NAME sees the mark of the tenant OWNER.
smoke_sees() {
    local mark=smoke_mark_$3
    "$1" "$2" >"$smoke_dir/seen" 2>"$smoke_dir/error" || return 1
    grep -qF "${!mark}" "$smoke_dir/seen"
}

smoke_tenant() { if [ "$1" = a ]; then printf %s "$TENANT_A"; else printf %s "$TENANT_B"; fi; }
smoke_account() { if [ "$1" = a ]; then printf %s "$ACCOUNT_A"; else printf %s "$ACCOUNT_B"; fi; }
smoke_trace() { if [ "$1" = a ]; then printf %s "$smoke_trace_a"; else printf %s "$smoke_trace_b"; fi; }

# smoke_scoped NAME ARGUMENT...: a query with the tenant's header.
smoke_scoped() {
    local name=$1
    shift
    smoke_curl /dev/null --get --header "X-Scope-OrgID: $(smoke_tenant "$name")" "$@"
}

smoke_range() { printf -- '--data-urlencode\nstart=%s\n--data-urlencode\nend=%s\n' "$((smoke_now - 600))000000000" "$((smoke_now + 600))000000000"; }

smoke_query_loki() {
    local range
    mapfile -t range < <(smoke_range)
    smoke_scoped "$1" "${range[@]}" --data-urlencode 'query={service_name="smoke"}' "${LOKI_URL%/}/loki/api/v1/query_range"
}
smoke_query_mimir() { smoke_scoped "$1" --data-urlencode 'query=smoke_test' "${MIMIR_URL%/}/prometheus/api/v1/query"; }
# Tempo answers 200 for a trace of another tenant, without spans. Both traces are looked up.
smoke_query_tempo() {
    local id
    for id in "$smoke_trace_a" "$smoke_trace_b"; do
        smoke_scoped "$1" "${TEMPO_URL%/}/api/v2/traces/$id"
    done
}
smoke_query_victorialogs() {
    smoke_curl /dev/null --get --header "AccountID: $(smoke_account "$1")" --data-urlencode 'query=*' --data-urlencode limit=1000 "${VICTORIALOGS_URL%/}/select/logsql/query"
}
smoke_query_victoriametrics() {
    smoke_curl /dev/null --get --data-urlencode 'query=smoke_test' --data-urlencode "extra_label=business_id=$(smoke_tenant "$1")" --data-urlencode latency_offset=1ms "${VICTORIAMETRICS_URL%/}/api/v1/query"
}
smoke_query_prometheus() {
    smoke_curl /dev/null --get --data-urlencode "query=smoke_test{business_id=\"$(smoke_tenant "$1")\"}" "${PROMETHEUS_URL%/}/api/v1/query"
}
smoke_query_archive() { find "$ARCHIVE_DIR/tenant=$(smoke_tenant "$1")" -name '*.jsonl' -exec cat {} +; }

# smoke_through_grafana NAME UID PATH ARGUMENT...: a query through the tenant's data source,
# with a forged header that names the other tenant.
smoke_through_grafana() {
    local name=$1 uid=$2 path=$3 other=b org=$ORG_A
    shift 3
    [ "$name" = a ] || { other=a && org=$ORG_B; }
    smoke_curl "$smoke_dir/grafana" --get --header "X-Grafana-Org-Id: $org" --header "X-Scope-OrgID: $(smoke_tenant "$other")" "$@" \
        "${GRAFANA_URL%/}/api/datasources/proxy/uid/$uid$path"
}
smoke_query_grafana_logs() {
    local range
    mapfile -t range < <(smoke_range)
    smoke_through_grafana "$1" tenant-logs /loki/api/v1/query_range "${range[@]}" --data-urlencode 'query={service_name="smoke"}'
}
smoke_query_grafana_metrics() { smoke_through_grafana "$1" tenant-metrics /api/v1/query --data-urlencode 'query=smoke_test'; }
smoke_query_grafana_traces() {
    local id
    for id in "$smoke_trace_a" "$smoke_trace_b"; do
        smoke_through_grafana "$1" tenant-traces "/api/v2/traces/$id"
    done
}

# smoke_backend NAME VARIABLE: checks a backend if its URL is given.
smoke_backend() {
    local name=$1 variable=$2
    if [ -z "${!variable:-}" ]; then
        smoke_skipped+=("$name ($variable is not set)")
        return
    fi
    smoke_isolated "$name" "smoke_query_$name"
}

smoke() {
    local variable now_ns suffix
    for variable in GATEWAY_URL TENANT_A TENANT_B KEY_A_FILE KEY_B_FILE; do
        [ -n "${!variable:-}" ] || { printf 'set %s\n' "$variable" >&2 && return 2; }
    done
    [ "$TENANT_A" != "$TENANT_B" ] || { printf 'TENANT_A and TENANT_B must differ\n' >&2 && return 2; }
    command -v curl >/dev/null || { printf 'there is no curl\n' >&2 && return 2; }
    smoke_dir=$(mktemp -d)
    trap 'rm -rf "$smoke_dir"' EXIT
    (umask 077 && for name in A B; do
        variable=KEY_${name}_FILE
        printf 'header = "Authorization: Bearer %s"\n' "$(tr -d ' \r\n' <"${!variable}")" >"$smoke_dir/key-${name,,}"
    done)
    smoke_http2=(--http2)
    case ${GRPC_URL:-$GATEWAY_URL} in http://*) smoke_http2=(--http2-prior-knowledge) ;; esac
    smoke_now=$(date +%s)
    now_ns=${smoke_now}000000000
    suffix=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
    smoke_mark_a=smoke-of-a-$suffix smoke_mark_b=smoke-of-b-$suffix
    smoke_trace_a=a0a0a0a0a0a0a0a0$suffix smoke_trace_b=b0b0b0b0b0b0b0b0$suffix
    smoke_payloads "$now_ns" a "$TENANT_B" "$smoke_mark_a" "$smoke_trace_a"
    smoke_payloads "$now_ns" b "$TENANT_A" "$smoke_mark_b" "$smoke_trace_b"
    smoke_send

    smoke_backend loki LOKI_URL
    smoke_backend mimir MIMIR_URL
    smoke_backend tempo TEMPO_URL
    smoke_backend victorialogs VICTORIALOGS_URL
    smoke_backend victoriametrics VICTORIAMETRICS_URL
    smoke_backend prometheus PROMETHEUS_URL
    smoke_backend archive ARCHIVE_DIR
    if [ -n "${GRAFANA_URL:-}" ]; then
        (umask 077 && printf 'user = "%s"\n' "$(tr -d '\r\n' <"$GRAFANA_CREDENTIALS_FILE" | sed 's/["\\]/\\&/g; /:/!s/^/admin:/')" >"$smoke_dir/grafana")
        smoke_isolated "grafana logs" smoke_query_grafana_logs
        smoke_isolated "grafana metrics" smoke_query_grafana_metrics
        smoke_isolated "grafana traces" smoke_query_grafana_traces
    else
        smoke_skipped+=("grafana (GRAFANA_URL is not set)")
    fi

    printf '\nchecked: %s\n' "${smoke_checked[*]:-no backend}"
    printf 'not checked: %s\n' "${smoke_skipped[@]:-nothing}"
    if [ "$smoke_failures" != 0 ]; then
        printf '%d checks failed\n' "$smoke_failures"
        return 1
    fi
    if [ "${#smoke_checked[@]}" = 0 ]; then
        printf 'no backend was checked: isolation is not proved\n'
        return 1
    fi
    printf 'all checks passed\n'
}
