package audit

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// edge is the hashes on which all that a log is extended by is built: those of
// the largest whole trees in it, at most one for each power of two.
type edge map[int64]tlog.Hash

// readEdge returns the edge of the log in s, or ErrDamaged unless it is that of
// the checkpoint c. Who may write to s and does not have the key could otherwise
// edit entries and their hashes, and wait until the next entry gets it all signed.
func readEdge(ctx context.Context, s Storage, c checkpoint) (edge, error) {
	e := make(edge)
	if c.N == 0 {
		return e, nil
	}
	root, err := tlog.TreeHash(c.N, tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes, err := s.Hashes(ctx, indexes)
		for n, h := range hashes {
			e[indexes[n]] = h
		}
		return hashes, err
	}))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if root != c.Hash {
		return nil, fmt.Errorf("%w: its hashes are not those of the checkpoint", ErrDamaged)
	}
	return e, nil
}

// ReadHashes implements tlog.HashReader.
func (e edge) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for n, i := range indexes {
		h, ok := e[i]
		if !ok {
			return nil, errNoHash
		}
		out[n] = h
	}
	return out, nil
}
