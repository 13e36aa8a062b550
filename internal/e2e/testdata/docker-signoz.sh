#!/usr/bin/env bash
# Takes the place of docker in tests of the stack with SigNoz: it records every call, answers as
# ClickHouse would, and has a folder in place of volumes. Variables of the test: CALLS (a file),
# VOLUMES, ROWS, FAIL (a pattern: calls like this fail), FAIL_AT (a number: this call fails) with COUNT
# (a file), OBJECTS (a folder with a file for each container, volume and network).
set -euo pipefail
printf '%s\n' "$*" >>"$CALLS"
if [ -n "${FAIL_AT:-}" ]; then
    count=$(($(cat "$COUNT") + 1))
    echo "$count" >"$COUNT"
    [ "$count" != "$FAIL_AT" ] || exit 7
fi
# shellcheck disable=SC2254 # a pattern
case "$*" in
    ${FAIL:-}) exit 7 ;;
esac

# As Compose does: all files must be there, and with an up also the secrets that they name.
if [ "$1" = compose ]; then
    files=${COMPOSE_FILE:-$(sed -n 's/^COMPOSE_FILE=//p' .env | tail -n 1)}
    IFS=: read -ra files <<<"${files:-compose.yaml}"
    cat "${files[@]}" >/dev/null
    if [ "$2" = up ]; then
        grep -oh 'file: \./secrets/[^} ]*' "${files[@]}" | while read -r _ secret; do cat "$secret" >/dev/null; done
    fi
fi
case "$*" in
    "compose rm --stop --force "*)
        grep -qh "^  $5:\$" "${files[@]}" || {
            echo "no such service: $5" >&2
            exit 1
        }
        rm -f "${OBJECTS:-/nonexistent}/container.$5"
        ;;
    "volume rm --force "*) rm -f "${OBJECTS:-/nonexistent}/volume.$4" ;;
    "network ls --format {{.Name}}")
        for object in "${OBJECTS:-/nonexistent}"/network.*; do printf '%s\n' "${object##*/network.}"; done
        ;;
    "network rm "*) rm "${OBJECTS:-/nonexistent}/network.$3" ;;
    "compose run --rm -T files "*)
        script=${6//\/volumes/$VOLUMES}
        shift 6
        exec /bin/sh -euc "$script" "$@"
        ;;
    "compose config --format json") printf '{\n  "name": "stack",\n}\n' ;;
    *INSERT*) cat >>"$CALLS" ;;
    *"SELECT count()"*) echo "${ROWS:-0}" ;;
    *arrayStringConcat*) echo 'DATABASE signoz_logs, DATABASE signoz_traces' ;;
    *"SELECT name FROM system.databases"*) echo signoz_logs ;;
    *"FORMAT Native"*) echo "rows of $*" | grep -o 'FROM [a-z_.0-9]* WHERE' ;;
    *pg_dump*) echo dump ;;
    *" cp /"*) ;;
    *" cp "*:/backups/*) echo archive >"${!#}" ;;
    *" cp "*:/var/lib/signoz/.*)
        mkdir -p "${!#}"
        echo sqlite >"${!#}/signoz.db"
        ;;
esac
