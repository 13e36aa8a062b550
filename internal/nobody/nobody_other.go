//go:build !unix

package nobody

import "testing"

func again(*testing.T) bool { return false }
