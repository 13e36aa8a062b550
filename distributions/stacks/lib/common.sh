# shellcheck shell=bash
# Functions of the scripts of all stacks. Source it after set -euo pipefail, with the folder of
# the stack in STACK.
#
#   DOCKER     the command of Docker                                          docker
#   TENANTCTL  a tenantctl to use instead of that in the image, with TENANTCTL_REGISTRY

say() { printf '%s\n' "$*" >&2; }

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# need COMMAND...: ends the script if one is missing.
need() {
    local command
    for command in "$@"; do
        if [ "$command" = docker ]; then command=${DOCKER:-docker}; fi
        command -v "$command" >/dev/null || die "there is no $command: install it"
    done
}

compose() { (cd "$STACK" && "${DOCKER:-docker}" compose "$@"); }

# tenantctl ARGUMENT...: runs tenantctl with the registry of the stack. -T: its output is not
# that of a terminal.
tenantctl() {
    if [ -n "${TENANTCTL:-}" ]; then
        "$TENANTCTL" "$@"
    else
        compose run --rm -T tenantctl "$@"
    fi
}

# Names of the stores' own files beside the folders of tenants, as tenantctl tenant create refuses
# them: whatever works on the files of such a tenant would work on those of all tenants.
RESERVED_TENANTS=(__markers__ __mimir_cluster bloom index loki_cluster_seed.json tempo_cluster_seed.json user-index.json.gz work.json)

# tenant_id NAME: ends the script unless it is a tenant's ID. It becomes part of paths. A name that
# begins with a hyphen would be an option of every command that gets it.
tenant_id() {
    local name
    [[ $1 =~ ^[A-Za-z0-9\!_.*\'\(\)-]{1,150}$ && $1 != . && $1 != .. ]] || die "\"$1\" is not the ID of a tenant"
    [[ $1 != -* ]] || die "\"$1\" is not the ID of a tenant: scripts take a name with a hyphen at its beginning for an option"
    for name in "${RESERVED_TENANTS[@]}"; do
        [ "$1" != "$name" ] || die "\"$1\" is a name of the stores' own files, not that of a tenant's: choose another ID; tenantctl tenant delete -- $1 deletes a tenant of this name, without files"
    done
}

# setting NAME: a value of .env.
setting() { sed -n "s/^$1=//p" "$STACK/.env" | tail -n 1; }

# random_text LENGTH: letters and digits.
random_text() {
    local text
    text=$(head -c $(($1 * 8)) /dev/urandom | LC_ALL=C tr -dc 'A-Za-z0-9' | head -c "$1" || true)
    [ "${#text}" = "$1" ] || die "cannot read random data"
    printf %s "$text"
}

# What a gateway keeps in its volume besides its queues and its archive, as paths of the service
# files: dead letters, the audit log of rejected requests with its key, the last use of keys.
# Its queues are not copied, because a copy would be delivered a second time.
# shellcheck disable=SC2034 # backup.sh uses it
GATEWAY_STATE=(gateway/state/dead-letters gateway/state/audit gateway/state/audit.key gateway/state/key-use.json)

# shellcheck disable=SC2034 # scripts use it
# gateway_files TENANT: sets gateway_files to what a gateway has of one tenant.
gateway_files() { gateway_files=("gateway/state/dead-letters/tenant=$1" "gateway/data/tenant=$1"); }

# save_files FILE PATH...: a compressed tar of those paths in the volumes of the stack that exist.
save_files() {
    local file=$1
    shift
    # shellcheck disable=SC2016 # the container's shell expands it
    compose run --rm -T files '
        cd /volumes
        given=$#
        for p in "$@"; do
            if [ -e "$p" ]; then set -- "$@" "$p"; fi
        done
        shift "$given"
        if [ $# -gt 0 ]; then
            tar -cf - "$@"
        else
            head -c 1024 /dev/zero # an empty archive, which some tar do not make
        fi' files "$@" </dev/null | gzip >"$file"
}

# backup_files FOLDER FILE...: ends the script unless a backup has all these files, and archives
# among them can be unpacked. Before anything is stopped or changed.
backup_files() {
    local folder=$1 file
    shift
    for file in "$@"; do
        [ -f "$folder/$file" ] || die "$folder has no $file: an earlier version, or another stack, wrote this backup; nothing was changed"
        case $file in
            *.gz) gzip --test "$folder/$file" || die "$folder/$file is damaged; nothing was changed" ;;
        esac
    done
}

# load_files FILE VOLUME: unpacks a tar of save_files into a volume. Files that exist stay: they
# are newer.
load_files() {
    # shellcheck disable=SC2016 # the container's shell expands it
    gunzip -c "$1" | compose run --rm -T files '
        new=/volumes/$1/.restore
        rm -rf "$new"
        mkdir "$new"
        trap "rm -rf \"$new\"" EXIT
        cd "$new"
        tar -x -f -
        find . -type f | while IFS= read -r f; do
            if ! [ -e "/volumes/$f" ]; then
                mkdir -p "$(dirname "/volumes/$f")"
                mv "$f" "/volumes/$f"
            fi
        done' files "$2"
}

# list_files PATH...: the size in KiB and the path of those in the volumes that exist.
list_files() {
    # shellcheck disable=SC2016 # the container's shell expands it
    compose run --rm -T files 'cd /volumes; for p in "$@"; do if [ -e "$p" ]; then du -sk "$p"; fi; done' files "$@" </dev/null
}

# remove_files PATH...: removes those paths in the volumes.
remove_files() {
    # shellcheck disable=SC2016 # the container's shell expands it
    compose run --rm -T files 'cd /volumes; for p in "$@"; do rm -rf "$p"; done' files "$@" </dev/null
}

# shellcheck disable=SC2034 # scripts use keep_data
# removal ARGUMENT...: sets tenant, dry_run, keep_data, yes and reason from the arguments of a
# remove-tenant.sh. A tenant that is deleted already is accepted, so that a script that has failed
# can run again.
removal() {
    local usage='usage: remove-tenant.sh TENANT [--dry-run] [--keep-data] [--yes] [--reason TEXT]'
    tenant='' dry_run='' keep_data='' yes='' reason='removed with remove-tenant.sh'
    while [ $# -gt 0 ]; do
        case $1 in
            --dry-run) dry_run=1 ;;
            --keep-data) keep_data=1 ;;
            --yes) yes=1 ;;
            --reason)
                [ $# -gt 1 ] || die "--reason needs a value"
                reason=$2
                shift
                ;;
            -*) die "unknown option $1; $usage" ;;
            *)
                [ -z "$tenant" ] || die "one tenant at a time, not $tenant and $1"
                tenant=$1
                ;;
        esac
        shift
    done
    [ -n "$tenant" ] || die "$usage"
    tenant_id "$tenant"
    tenantctl tenant show "$tenant" >/dev/null || die "there is no tenant $tenant"
}

# confirm_removal: ends the script after a dry run, and unless the operator types the tenant's ID.
confirm_removal() {
    local answer
    if [ -n "$dry_run" ]; then
        say "Dry run: nothing was changed."
        exit
    fi
    if [ -z "$yes" ]; then
        printf 'This cannot be undone. Type %s to continue: ' "$tenant" >&2
        read -r answer || true
        [ "${answer:-}" = "$tenant" ] || die "nothing was changed"
    fi
}

# delete_tenant: the entry in the registry, unless it is deleted already.
delete_tenant() {
    if tenantctl tenant show "$tenant" -o json | tr -d ' \n' | grep -q '"status":"deleted"'; then
        say "$tenant is deleted in the registry already."
    else
        tenantctl tenant delete "$tenant" --yes --reason "$reason" >&2
    fi
}
