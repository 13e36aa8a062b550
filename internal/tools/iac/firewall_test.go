// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package iac

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// firewallScript runs in a process namespace, whose end also ends what it started. It loads the rules twice in a network namespace of its own, beside a table
// such as Docker's, and connects from another namespace: from an address that may use SSH
// and from one that may not, to the machine and through it to a "container". It prints one
// line for each attempt.
const firewallScript = `
set -eu
rules=$1
python=/usr/bin/python3; [ -x $python ] || python=python3 # without a shim, which is slow
ip link set lo up
ip link add outside type veth peer name wan
unshare -n sleep 60 & client=$!
unshare -n sleep 60 & container=$!
trap 'kill $client $container 2>/dev/null' EXIT
# unshare replaces itself with sleep once the namespace exists.
for pid in $client $container; do
    while [ "$(readlink /proc/$pid/ns/net)" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
done
ip link set wan netns $client
ip addr add 198.51.100.1/24 dev outside
ip addr add 203.0.113.1/24 dev outside
ip link set outside up
nsenter -t $client -n ip addr add 198.51.100.2/24 dev wan
nsenter -t $client -n ip addr add 203.0.113.7/24 dev wan
nsenter -t $client -n ip link set wan up
nsenter -t $client -n ip route add 172.20.0.0/24 via 198.51.100.1
ip link add br-test type veth peer name eth0
ip link set eth0 netns $container
ip addr add 172.20.0.1/24 dev br-test
ip link set br-test up
nsenter -t $container -n ip addr add 172.20.0.2/24 dev eth0
nsenter -t $container -n ip link set lo up
nsenter -t $container -n ip link set eth0 up
nsenter -t $container -n ip route add default via 172.20.0.1
echo 1 > /proc/sys/net/ipv4/ip_forward
nft -f - <<'DOCKER'
table ip docker {
    chain prerouting {
        type nat hook prerouting priority dstnat;
        iifname "outside" tcp dport 443 dnat to 172.20.0.2:8443
        iifname "outside" tcp dport 5432 dnat to 172.20.0.2:5432
    }
}
DOCKER
nft -f "$rules"
nft -f "$rules"
nft list table ip docker > /dev/null
listen() { exec "$@" $python -c '
import select, socket, sys
servers = []
for port in sys.argv[1:]:
    s = socket.create_server(("", int(port)))
    servers.append(s)
print("ready", flush=True)
while True:
    for s in select.select(servers, [], [])[0]:
        s.accept()[0].close()
' $ports; }
ports='22 80 4317 5432 9000'; listen env > /tmp/host.$$ & host=$!
ports='5432 8443'; listen nsenter -t $container -n > /tmp/container.$$ & inner=$!
ports='25'; listen nsenter -t $client -n > /tmp/client.$$ & outer=$!
trap 'kill $client $container $host $inner $outer 2>/dev/null; rm -f /tmp/host.$$ /tmp/container.$$ /tmp/client.$$' EXIT
until grep -q ready /tmp/host.$$ && grep -q ready /tmp/container.$$ && grep -q ready /tmp/client.$$; do sleep 0.05; done
# try NAMESPACE SOURCE,TARGET,PORT...: all attempts at once.
try() {
    nsenter -t "$1" -n $python -c '
import socket, sys, threading
def attempt(i, source, target, port):
    s = socket.socket()
    s.settimeout(2)
    s.bind((source, 0))
    try:
        s.connect((target, int(port)))
        results[i] = "open"
    except OSError:
        results[i] = "closed"
attempts = [a.split(",") for a in sys.argv[2:]]
results = [""] * len(attempts)
threads = [threading.Thread(target=attempt, args=(i, *a)) for i, a in enumerate(attempts)]
for t in threads: t.start()
for t in threads: t.join()
for a, r in zip(attempts, results): print(*a, r)
' "$@"
}
try $client 203.0.113.7,203.0.113.1,22 198.51.100.2,198.51.100.1,22 198.51.100.2,198.51.100.1,80 \
    198.51.100.2,198.51.100.1,443 198.51.100.2,198.51.100.1,4317 198.51.100.2,198.51.100.1,5432 \
    198.51.100.2,198.51.100.1,9000 198.51.100.2,172.20.0.2,8443 198.51.100.2,172.20.0.2,5432
# The container reaches the outside.
try $container 172.20.0.2,198.51.100.2,25
`

// TestCloudInit_FirewallInNamespaces applies the rules of each machine with nft, and tries
// connections through those of a stack.
func TestCloudInit_FirewallInNamespaces(t *testing.T) {
	nft, unshare := command(t, "nft"), command(t, "unshare")
	if os.Getuid() != 0 {
		missing(t, "root, which network namespaces need")
	}
	if out, err := exec.Command(unshare, "-n", nft, "list", "ruleset").CombinedOutput(); err != nil {
		missing(t, fmt.Sprintf("kernel with nftables in namespaces: %s", out))
	}
	for name, in := range machines() {
		t.Run(name, func(t *testing.T) {
			rules := write(t, "nftables.conf", render(t, in).file(t, "/etc/nftables.conf"))
			run(t, unshare, "-n", nft, "-c", "-f", rules)
		})
	}
	t.Run("connections", func(t *testing.T) {
		for _, name := range []string{"ip", "nsenter", "python3"} {
			command(t, name)
		}
		rules := write(t, "nftables.conf", render(t, machines()["grafana"]).file(t, "/etc/nftables.conf"))
		script := write(t, "try.sh", firewallScript)
		got := strings.Split(strings.TrimSpace(run(t, unshare, "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", script, rules)), "\n")
		require.NotEmpty(t, got)
		assert.Equal(t, []string{
			"203.0.113.7 203.0.113.1 22 open",
			"198.51.100.2 198.51.100.1 22 closed",
			"198.51.100.2 198.51.100.1 80 open",
			"198.51.100.2 198.51.100.1 443 open", // of the container, by its published port
			"198.51.100.2 198.51.100.1 4317 open",
			"198.51.100.2 198.51.100.1 5432 closed", // published by mistake
			"198.51.100.2 198.51.100.1 9000 closed",
			"198.51.100.2 172.20.0.2 8443 closed", // past the published port
			"198.51.100.2 172.20.0.2 5432 closed",
			"172.20.0.2 198.51.100.2 25 open", // a container to the outside
		}, got)
	})
}
