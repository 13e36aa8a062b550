// Package ownports knows on which TCP ports this process listens, so that a component can
// notice that it is to send to itself.
package ownports

// Listening returns the TCP ports that this process listens on, or nil where the system
// does not say it.
func Listening() map[uint16]bool { return listening() }
