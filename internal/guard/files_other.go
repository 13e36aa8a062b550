//go:build !unix

package guard

func fileLimit() (int64, bool) { return 0, false }
