# shellcheck shell=bash
# Functions of the scripts of all stacks. Source it after set -euo pipefail.

say() { printf '%s\n' "$*" >&2; }

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# need COMMAND...: ends the script if one is missing.
need() {
    local command
    for command in "$@"; do
        command -v "$command" >/dev/null || die "there is no $command: install it"
    done
}

# stack_dir: the folder of the stack whose script runs.
stack_dir() { (cd "$(dirname "${BASH_SOURCE[1]}")/.." && pwd); }

compose() { (cd "$STACK" && docker compose "$@"); }

# tenantctl ARGUMENT...: runs tenantctl with the registry of the stack. -T: its output is not
# that of a terminal.
tenantctl() { compose run --rm -T tenantctl "$@"; }

# tenant_id NAME: ends the script unless it is a tenant's ID. It becomes part of paths.
tenant_id() {
    [[ $1 =~ ^[A-Za-z0-9\!_.*\'\(\)-]{1,150}$ && $1 != . && $1 != .. ]] || die "\"$1\" is not the ID of a tenant"
}

# random_text LENGTH: letters and digits.
random_text() {
    local text
    text=$(head -c $(($1 * 8)) /dev/urandom | LC_ALL=C tr -dc 'A-Za-z0-9' | head -c "$1" || true)
    [ "${#text}" = "$1" ] || die "cannot read random data"
    printf %s "$text"
}
