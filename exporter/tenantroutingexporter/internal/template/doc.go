// Package template fills the places in destination settings that differ per
// tenant: {tenant} and {vars.<name>}, and nothing else.
//
// It is safe by construction. Each setting has a [Kind] that says what a value
// may look like at its place, so that neither a tenant ID nor a variable can
// add a header, change a host, leave a directory or add a path element. Values
// are never scanned for templates again, and errors never quote them.
package template
