// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package ownports

import (
	"bufio"
	"os"
	"strconv"
	"strings"
)

// stateListen is the state of a listening socket in /proc/net/tcp.
const stateListen = "0A"

func listening() map[uint16]bool {
	own := sockets()
	if len(own) == 0 {
		return nil
	}
	ports := map[uint16]bool{}
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		addPorts(ports, table, own)
	}
	return ports
}

// sockets returns the inodes of this process's sockets.
func sockets() map[string]bool {
	const dir = "/proc/self/fd"
	folder, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer folder.Close()
	names, _ := folder.Readdirnames(-1) // after an error, some names are better than none
	all := map[string]bool{}
	for _, name := range names {
		to, err := os.Readlink(dir + "/" + name)
		if err != nil {
			continue
		}
		if inode, ok := strings.CutPrefix(to, "socket:["); ok {
			all[strings.TrimSuffix(inode, "]")] = true
		}
	}
	return all
}

// addPorts adds the ports of own listening sockets in a table of the kernel.
func addPorts(ports map[uint16]bool, table string, own map[string]bool) {
	f, err := os.Open(table)
	if err != nil {
		return
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		// sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || fields[3] != stateListen || !own[fields[9]] {
			continue
		}
		_, port, _ := strings.Cut(fields[1], ":")
		if n, err := strconv.ParseUint(port, 16, 16); err == nil {
			ports[uint16(n)] = true
		}
	}
}
