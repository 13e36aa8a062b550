#!/usr/bin/env bash
# Deploy hook of certbot: copies the renewed certificate for nginx and reloads it. certbot
# sets RENEWED_LINEAGE.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

lineage=${RENEWED_LINEAGE:?certbot sets it; run this as its --deploy-hook}
install -o 101 -g 101 -m 0400 "$lineage/fullchain.pem" tls/tls.crt.new
install -o 101 -g 101 -m 0400 "$lineage/privkey.pem" tls/tls.key.new
mv tls/tls.crt.new tls/tls.crt
mv tls/tls.key.new tls/tls.key
reload_nginx
