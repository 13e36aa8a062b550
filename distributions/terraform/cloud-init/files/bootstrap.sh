#!/usr/bin/env bash
# Runs once at the first boot, and again by hand after a failure: mounts the data disk and
# starts what the role of the machine is. Its output is in /var/log/cloud-init-output.log.
set -euo pipefail

directory=${BOOTSTRAP_DIRECTORY:-/etc/otelcol-tenant-bootstrap}
data=/srv/data

say() { printf 'otelcol-tenant-bootstrap: %s\n' "$*"; }
fail() {
    say "$*" >&2
    exit 1
}

# setting NAME
setting() { sed -n "s/^$1=//p" "$directory/settings" | tail -n 1; }

# download URL SHA256 FILE
download() {
    curl --proto '=https' --tlsv1.2 --retry 5 --retry-all-errors --silent --show-error --fail --location --output "$3" "$1"
    printf '%s  %s\n' "$2" "$3" | sha256sum --check --quiet - || fail "$1 does not have the SHA-256 $2"
}

# mount_data: the provider attaches the disk after the machine has started.
mount_data() {
    local device
    device=$(setting DATA_DEVICE)
    mkdir -p "$data"
    if [ -n "$device" ] && ! mountpoint -q "$data"; then
        say "waiting for $device"
        for _ in $(seq 150); do
            [ ! -b "$device" ] || break
            sleep 2
        done
        [ -b "$device" ] || fail "$device is not attached"
        # blkid exits with 2 if there is nothing on the disk. Anything else is kept.
        local status=0
        blkid -p "$device" > /dev/null || status=$?
        case $status in
        0) ;;
        2) mkfs.ext4 -q -L otelcol-tenant -m 1 "$device" ;;
        *) fail "blkid cannot read $device (status $status)" ;;
        esac
        local uuid
        uuid=$(blkid -s UUID -o value "$device")
        grep -q "^UUID=$uuid " /etc/fstab || printf 'UUID=%s %s ext4 defaults,noatime,nofail 0 2\n' "$uuid" "$data" >> /etc/fstab
        systemctl daemon-reload
        mount "$data"
    fi
    touch "$data/.otelcol-tenant"
}

make_swap() {
    local size
    size=$(setting SWAP_GIB)
    if [ "${size:-0}" -gt 0 ] && [ ! -e /swapfile ]; then
        fallocate -l "${size}G" /swapfile
        chmod 0600 /swapfile
        mkswap /swapfile > /dev/null
        swapon /swapfile
        printf '/swapfile none swap sw 0 0\n' >> /etc/fstab
    fi
}

start_stack() {
    local stack target work
    stack=$(setting STACK)
    target=/opt/otelcol-tenant/stacks/$stack
    systemctl daemon-reload
    systemctl enable --now docker.service
    work=$(mktemp -d)
    download "$(setting IMAGE_URL)" "$(setting IMAGE_SHA256)" "$work/image.tar"
    docker load --quiet --input "$work/image.tar"
    if [ ! -d "$target" ]; then
        download "$(setting BUNDLE_URL)" "$(setting BUNDLE_SHA256)" "$work/stacks.tar.gz"
        install -d -m 0755 /opt/otelcol-tenant
        tar -xzf "$work/stacks.tar.gz" -C /opt/otelcol-tenant --no-same-owner
    fi
    rm -r "$work"
    [ -x "$target/scripts/up.sh" ] || fail "the bundle has no stacks/$stack/scripts/up.sh"
    cd "$target"
    if [ ! -e .env ]; then
        # The last of two lines with the same name counts.
        (umask 077 && cat .env.example "$directory/stack.env" > .env)
    fi
    if [ "$stack" = signoz-oneuptime ] && [ ! -e tls/tls.crt ]; then
        local domain
        domain=$(sed -n 's/^DOMAIN=//p' .env | tail -n 1)
        say "writing a certificate of its own for $domain, valid for 30 days: replace it as README.md describes"
        (umask 077 && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$domain" \
            -addext "subjectAltName=DNS:$domain,DNS:*.$domain" -keyout tls/tls.key -out tls/tls.crt 2> /dev/null)
        chown 101 tls/tls.crt tls/tls.key # the user of nginx
    fi
    ./scripts/up.sh
    systemctl enable --now otelcol-tenant-backup.timer
}

install_packages() {
    local work sha url n=0
    work=$(mktemp -d)
    chmod 0755 "$work" # apt reads it as its own user
    while read -r sha url; do
        n=$((n + 1))
        download "$url" "$sha" "$work/$n.deb"
    done < "$directory/packages"
    [ "$n" -gt 0 ] || fail "there are no packages in $directory/packages"
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$work"/*.deb
    rm -r "$work"
}

start_agent() {
    install_packages
    if [ -s "$directory/agent.env" ]; then
        tenantctl setup --env "$directory/agent.env"
        shred -u "$directory/agent.env"
    else
        say 'run "tenantctl setup --env agent.env" with the file that tenantctl onboard wrote'
    fi
}

start_gateway() {
    install_packages
    systemctl enable --now otelcol-tenant-gateway.service
}

main() {
    mount_data
    make_swap
    case $(setting ROLE) in
    stack) start_stack ;;
    gateway) start_gateway ;;
    agent) start_agent ;;
    *) fail "ROLE in $directory/settings is \"$(setting ROLE)\"" ;;
    esac
    say 'finished'
}

main "$@"
