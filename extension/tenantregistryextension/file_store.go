package tenantregistryextension

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/history"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/regularfile"
)

const (
	// settle is how long a file must be at rest before it is believed. A
	// program that writes a file in place, rather than replacing it, pauses
	// for less between its writes.
	settle = 100 * time.Millisecond

	// settleSuspect is settle for a file that looks like the beginning of one:
	// shorter than what is in force, or ending within a line. Without it a
	// file that was cut off between two tenants would remove the others.
	settleSuspect = 300 * time.Millisecond

	// maxUnsettled is how long a file is waited for that is replaced again and
	// again. A file that is written in place is waited for without end.
	maxUnsettled = 400 * time.Millisecond

	// racy is the age under which equal size and time do not prove that a file
	// is the same: file systems count time in ticks of up to two seconds.
	racy = 2 * time.Second

	// maxFileSize bounds the memory that a wrong path costs.
	maxFileSize = 256 << 20
)

// fileStore is a registry file.
type fileStore struct {
	path  string
	now   func() time.Time
	dirty atomic.Bool // the file system told of a change

	goodSize int64     // of the last content that was returned
	told     state     // what the last result that was not unsettledError was about
	toldAt   time.Time // when that was read
	found    state     // the state last seen
	foundAt  time.Time // since when
	waiting  state     // the state when the wait for a settled file began
	since    time.Time // zero: not waiting
}

// state tells one content of a file from the next.
type state struct {
	err  string // of stat
	info fs.FileInfo
}

func (s state) equal(o state) bool {
	if s.info == nil || o.info == nil {
		return s.info == nil && o.info == nil && s.err == o.err
	}
	return os.SameFile(s.info, o.info) && s.info.Size() == o.info.Size() && s.info.ModTime().Equal(o.info.ModTime())
}

func newFileStore(path string) *fileStore {
	return &fileStore{path: path, now: time.Now}
}

func (f *fileStore) String() string { return f.path }

// close implements store. There is nothing open between two calls.
func (f *fileStore) close() {}

// silentSince implements store. A file that does not answer looks like one
// that takes long to read.
func (f *fileStore) silentSince() time.Time { return time.Time{} }

// load implements store.
func (f *fileStore) load(_ context.Context, taken history.Mark) (loaded, error) {
	data, err := f.content()
	if err != nil {
		return loaded{}, err
	}
	l := loaded{data: data, mark: history.Mark{Kind: history.KindFile}}
	h, ok := registryfile.HistoryOf(data)
	if !ok {
		return l, nil
	}
	l.mark.Registry, l.mark.Epoch, l.mark.Revision, l.mark.Token = h.ID, h.Epoch, h.Revision, h.Tokens[0]
	switch token, reaches := h.Token(taken.Revision); {
	case !reaches:
	case token == taken.Token:
		l.contains = history.Yes
	default:
		l.contains = history.No
	}
	return l, nil
}

// content returns the text of the file, as load does.
func (f *fileStore) content() (data []byte, err error) {
	if f.dirty.Swap(false) {
		defer func() {
			if errors.As(err, new(unsettledError)) {
				f.dirty.Store(true) // the change has not been read yet
			}
		}()
	} else if s := f.stat(); f.known(s) {
		f.since = time.Time{}
		return nil, errUnchanged
	}
	s, data, err := f.read()
	now := f.now()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f.missing(state{err: err.Error()}, now)
	case errors.Is(err, errChangedMeanwhile):
		return nil, errors.Join(f.unsettled(s, now, settle), unsettledError{retryAfter: settle})
	case err != nil:
		// Not told for s: what is wrong may be changed without changing the file.
		return nil, f.tell(state{err: err.Error()}, now, err)
	}
	rest := settle
	if s.info.Size() < f.goodSize || len(data) == 0 || data[len(data)-1] != '\n' {
		rest = settleSuspect
	}
	if err := f.unsettled(s, now, rest); err != nil {
		return nil, err
	}
	f.goodSize = s.info.Size()
	return data, f.tell(s, now, nil)
}

// known tells whether s is what the last result was about.
func (f *fileStore) known(s state) bool {
	if f.toldAt.IsZero() || !s.equal(f.told) {
		return false
	}
	return s.info == nil || f.toldAt.Sub(s.info.ModTime()) > racy || f.now().Sub(f.toldAt) < racy
}

// missing tells that there is no file once, and only after a moment, since some
// programs remove a file before they write it anew.
func (f *fileStore) missing(s state, now time.Time) ([]byte, error) {
	if f.known(s) {
		return nil, errUnchanged
	}
	if err := f.unsettled(s, now, settle); err != nil && !f.toldAt.IsZero() {
		return nil, err
	}
	return nil, f.tell(s, now, missingError(s.err))
}

// tell remembers that err, or the content without one, is known for s.
func (f *fileStore) tell(s state, now time.Time, err error) error {
	f.told, f.toldAt, f.since = s, now, time.Time{}
	return err
}

// unsettled returns an unsettledError unless s has been at rest for long enough
// or is one of many files that replace each other.
func (f *fileStore) unsettled(s state, now time.Time, rest time.Duration) error {
	if !s.equal(f.found) || f.foundAt.IsZero() {
		f.found, f.foundAt = s, now
	}
	quiet := now.Sub(f.foundAt)
	if s.info != nil && !s.info.ModTime().After(now) {
		quiet = max(quiet, now.Sub(s.info.ModTime()))
	}
	if quiet >= rest {
		return nil
	}
	if f.since.IsZero() {
		f.waiting, f.since = s, now
	}
	replaced := s.info != nil && f.waiting.info != nil && !os.SameFile(s.info, f.waiting.info)
	if replaced && now.Sub(f.since) >= maxUnsettled {
		return nil
	}
	return unsettledError{retryAfter: rest - quiet + time.Millisecond}
}

// missingError is the text of an fs.ErrNotExist.
type missingError string

func (e missingError) Error() string { return string(e) }

func (missingError) Unwrap() error { return fs.ErrNotExist }

var errChangedMeanwhile = errors.New("changed while it was read")

// read returns the content of the file and the state to which it belongs. A
// file that is replaced meanwhile is read to its end: what was in it is whole.
func (f *fileStore) read() (s state, data []byte, err error) {
	file, err := regularfile.Open(f.path)
	if err != nil {
		return state{}, nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if s.info, err = file.Stat(); err != nil {
		return state{}, nil, err
	}
	if s.info.Size() > maxFileSize {
		return state{}, nil, fmt.Errorf("%s has %d bytes, at most %d are read", f.path, s.info.Size(), maxFileSize)
	}
	data = make([]byte, s.info.Size())
	_, err = io.ReadFull(file, data)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return state{}, nil, err
	}
	after, statErr := file.Stat()
	if statErr != nil {
		return state{}, nil, statErr
	}
	if err != nil || !s.equal(state{info: after}) {
		return state{info: after}, nil, errChangedMeanwhile
	}
	return s, data, nil
}

func (f *fileStore) stat() state {
	info, err := os.Stat(f.path)
	if err != nil {
		return state{err: err.Error()}
	}
	return state{info: info}
}
