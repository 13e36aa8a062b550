#!/usr/bin/env bash
# Takes the place of docker in tests of the scripts of stacks: it records every call, runs
# tenantctl on this machine, and has a folder in place of volumes. Variables of the test:
# CALLS (a file), REAL_TENANTCTL, VOLUMES, FAIL (a pattern: calls like this fail).
set -euo pipefail
printf '%s\n' "$*" >>"$CALLS"
# shellcheck disable=SC2254 # a pattern
case "$*" in
    ${FAIL:-}) exit 7 ;;
esac
case "$*" in
    "compose config --quiet") ;;
    "compose config --images") printf 'caddy:1.2.3\notelcol-tenant:test\notelcol-tenant:test\n' ;;
    "image inspect otelcol-tenant:test") ;;
    "create otelcol-tenant:test") echo container7 ;;
    "cp container7:/tenantctl "*) cp "$REAL_TENANTCTL" "$3" ;;
    "rm container7") ;;
    "compose up "* | "compose stop "*) ;;
    "compose run --rm -T tenantctl "*)
        shift 5
        exec "$REAL_TENANTCTL" "$@"
        ;;
    "compose run --rm -T files "*)
        script=${6//\/volumes/$VOLUMES}
        shift 6
        exec /bin/sh -euc "$script" "$@"
        ;;
    "compose exec -T postgres pg_dump "*) printf 'dump of %s\n' "${!#}" ;;
    "compose exec -T postgres pg_restore "*) cat >>"$CALLS" ;;
    *)
        echo "unexpected: docker $*" >&2
        exit 9
        ;;
esac
