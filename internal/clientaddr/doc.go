// Package clientaddr finds the address of a client behind proxies.
//
// A header that says for whom a proxy speaks is believed only of a connection from a
// trusted proxy. Its elements are read from the right, where each proxy adds the
// address that it was called from, and no further than the first one that is not a
// trusted proxy: what is left of it is the client's own and can be anything.
package clientaddr
