// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package memory

import "sync"

// Shares is memory that files use for as long as an application decides, so that no file can
// wait for it. Instead, a file that uses more than its share must release it.
type Shares struct {
	limit int64

	mu    sync.Mutex
	users int   // shares that are not 0
	used  int64 // of all shares
}

// NewShares returns shares of limit bytes in all.
func NewShares(limit int64) *Shares { return &Shares{limit: limit} }

// New returns a share, which uses nothing.
func (s *Shares) New() *Share { return &Share{of: s} }

// Share is the part of one file. Its methods must not be called concurrently.
type Share struct {
	of   *Shares
	size int64
}

// Set changes how many bytes the share uses. It reports true if the file must release them:
// all shares together exceed the limit, and this one is more than an equal part of it.
func (s *Share) Set(n int64) (exceeded bool) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	switch {
	case s.size == 0 && n > 0:
		s.of.users++
	case s.size > 0 && n == 0:
		s.of.users--
	}
	s.of.used += n - s.size
	s.size = n
	return n > 0 && s.of.used > s.of.limit && n > s.of.limit/int64(s.of.users)
}
