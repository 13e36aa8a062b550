// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

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
	// quietTime is how long a file must be unchanged before it is loaded. A program
	// that writes a file in place, rather than replacing it, pauses for less between
	// its writes.
	quietTime = 100 * time.Millisecond

	// quietTruncated is quietTime for a file that may be incomplete: it is shorter
	// than the file in force, or does not end with a line break. Without it a file
	// that was cut off between two tenants would remove the other tenants.
	quietTruncated = 300 * time.Millisecond

	// maxUnstable is how long to wait for a file that is replaced repeatedly. For a
	// file that is written in place the wait has no bound.
	maxUnstable = 400 * time.Millisecond

	// racy is the age below which equal size and time do not prove that a file is
	// the same: timestamps of file systems have a resolution of up to two seconds.
	racy = 2 * time.Second

	// maxFileSize bounds the memory that a wrong path costs.
	maxFileSize = 256 << 20
)

// fileStore is a registry file.
type fileStore struct {
	path  string
	now   func() time.Time
	dirty atomic.Bool // the file system has reported a change

	goodSize   int64     // size of the last content that was returned
	reported   state     // the state of the last result that was not an unstableError
	reportedAt time.Time // when that was read
	found      state     // the last state
	foundAt    time.Time // since when
	waiting    state     // the state at the begin of the wait for a stable file
	since      time.Time // zero: not waiting
}

// state distinguishes one content of a file from the next.
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

// close implements store. No file is open between calls.
func (f *fileStore) close() {}

// silentSince implements store. A file system that hangs cannot be distinguished
// from a slow one.
func (f *fileStore) silentSince() time.Time { return time.Time{} }

// load implements store.
func (f *fileStore) load(_ context.Context, accepted history.Version) (loaded, error) {
	data, err := f.content()
	if err != nil {
		return loaded{}, err
	}
	l := loaded{data: data, version: history.Version{Kind: history.KindFile}}
	h, ok := registryfile.HistoryOf(data)
	if !ok {
		return l, nil
	}
	l.version.Registry, l.version.Epoch, l.version.Revision, l.version.Token = h.ID, h.Epoch, h.Revision, h.Tokens[0]
	switch token, reaches := h.Token(accepted.Revision); {
	case !reaches:
	case token == accepted.Token:
		l.contains = history.Yes
	default:
		l.contains = history.No
	}
	return l, nil
}

// content returns the text of the file. Its errors are those of load.
func (f *fileStore) content() (data []byte, err error) {
	if f.dirty.Swap(false) {
		defer func() {
			if errors.As(err, new(unstableError)) {
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
		return nil, errors.Join(f.unstable(s, now, quietTime), unstableError{retryAfter: quietTime})
	case err != nil:
		// The error is not remembered for s, because its cause can change while the file does not.
		return nil, f.report(state{err: err.Error()}, now, err)
	}
	rest := quietTime
	if s.info.Size() < f.goodSize || len(data) == 0 || data[len(data)-1] != '\n' {
		rest = quietTruncated
	}
	if err := f.unstable(s, now, rest); err != nil {
		return nil, err
	}
	f.goodSize = s.info.Size()
	return data, f.report(s, now, nil)
}

// known reports whether the last result was for the state s.
func (f *fileStore) known(s state) bool {
	if f.reportedAt.IsZero() || !s.equal(f.reported) {
		return false
	}
	return s.info == nil || f.reportedAt.Sub(s.info.ModTime()) > racy || f.now().Sub(f.reportedAt) < racy
}

// missing reports that there is no file once, and only after a moment, since some
// programs remove a file before they write it again.
func (f *fileStore) missing(s state, now time.Time) ([]byte, error) {
	if f.known(s) {
		return nil, errUnchanged
	}
	if err := f.unstable(s, now, quietTime); err != nil && !f.reportedAt.IsZero() {
		return nil, err
	}
	return nil, f.report(s, now, missingError(s.err))
}

// report records that err, or the content if err is nil, was returned for s.
func (f *fileStore) report(s state, now time.Time, err error) error {
	f.reported, f.reportedAt, f.since = s, now, time.Time{}
	return err
}

// unstable returns an unstableError unless s has not changed for long enough or is
// one of many files that replace each other.
func (f *fileStore) unstable(s state, now time.Time, rest time.Duration) error {
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
	if replaced && now.Sub(f.since) >= maxUnstable {
		return nil
	}
	return unstableError{retryAfter: rest - quiet + time.Millisecond}
}

// missingError is the text of an fs.ErrNotExist.
type missingError string

func (e missingError) Error() string { return string(e) }

func (missingError) Unwrap() error { return fs.ErrNotExist }

var errChangedMeanwhile = errors.New("changed while it was read")

// read returns the content of the file and its state. A file that is replaced while
// it is read is read to its end: its content is complete.
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
