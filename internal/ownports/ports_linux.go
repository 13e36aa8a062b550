// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package ownports

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// stateListen is the state of a listening socket in /proc/net/tcp.
const stateListen = "0A"

func listening() (all []netip.AddrPort) {
	own := sockets()
	if len(own) == 0 {
		return nil
	}
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		all = appendListening(all, table, own)
	}
	return all
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

// appendListening appends the addresses of own listening sockets in a table of the kernel.
func appendListening(all []netip.AddrPort, table string, own map[string]bool) []netip.AddrPort {
	f, err := os.Open(table)
	if err != nil {
		return all
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		// sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || fields[3] != stateListen || !own[fields[9]] {
			continue
		}
		if address, ok := parseAddress(fields[1]); ok {
			all = append(all, address)
		}
	}
	return all
}

// parseAddress reads an address of a table of the kernel: words of 32 bits in the byte order of
// the machine, a colon and the port, in hexadecimal digits.
func parseAddress(text string) (netip.AddrPort, bool) {
	host, port, _ := strings.Cut(text, ":")
	n, err := strconv.ParseUint(port, 16, 16)
	words, badHost := hex.DecodeString(host)
	if err != nil || badHost != nil {
		return netip.AddrPort{}, false
	}
	for i := 0; i+4 <= len(words); i += 4 {
		binary.NativeEndian.PutUint32(words[i:], binary.BigEndian.Uint32(words[i:]))
	}
	address, ok := netip.AddrFromSlice(words)
	return netip.AddrPortFrom(address.Unmap(), uint16(n)), ok
}
