// Package condition holds what components report when they cannot do their work, such
// as files that they may not read or a gateway that does not answer.
//
// A component posts a function that returns its present [Finding]s on every [Board] of
// its host. The tenant_health extension is such a board. It calls the functions once a
// second and follows the findings with a [Tracker]: a condition begins when it was found
// for a while and ends when it was not found for a while, so that a short failure
// changes nothing.
package condition
