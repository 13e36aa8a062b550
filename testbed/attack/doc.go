// Package attack sends hostile requests to a gateway or agent under test: from key
// holders who try to exhaust it, and from strangers without a key. Tests and the
// hostile soak use it. Each attack is bounded in time, bytes and connections, and
// goes to loopback only.
package attack
