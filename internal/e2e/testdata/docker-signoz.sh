#!/usr/bin/env bash
# Takes the place of docker in tests of the stack with SigNoz: it records every call, answers as
# ClickHouse would, and has a folder in place of volumes. Variables of the test: CALLS (a file),
# VOLUMES, ROWS.
set -euo pipefail
printf '%s\n' "$*" >>"$CALLS"
case "$*" in
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
