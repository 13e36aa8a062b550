// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package deadletter

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// progressExtension is the extension of the file that lists the offsets of sent requests of a taken
// file, as one decimal number per line.
const progressExtension = ".sent"

// progress records which requests of one file were sent.
type progress struct {
	path string
	file *os.File
	done map[int64]bool
}

// readProgress returns the offsets of requests that were sent.
func readProgress(letters string) (map[int64]bool, error) {
	if !strings.HasSuffix(letters, takenExtension) {
		return nil, nil
	}
	data, err := os.ReadFile(letters + progressExtension)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	done := make(map[int64]bool)
	for line := range bytes.Lines(data) {
		text, whole := bytes.CutSuffix(line, []byte("\n"))
		if !whole {
			break // cut off by a crash
		}
		offset, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s is damaged: %w", letters+progressExtension, err)
		}
		done[offset] = true
	}
	return done, nil
}

func openProgress(letters string) (*progress, error) {
	done, err := readProgress(letters)
	if err != nil {
		return nil, err
	}
	p := &progress{path: letters + progressExtension, done: done}
	if p.file, err = os.OpenFile(p.path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	return p, p.repair()
}

// repair removes a number that a crash cut off.
func (p *progress) repair() error {
	data, err := os.ReadFile(p.path)
	if err == nil {
		err = p.file.Truncate(int64(bytes.LastIndexByte(data, '\n') + 1))
	}
	if err != nil {
		return errors.Join(err, p.file.Close())
	}
	return nil
}

// add records durably that the request at offset was sent.
func (p *progress) add(offset int64) error {
	if _, err := p.file.Write(fmt.Appendln(nil, offset)); err != nil {
		return err
	}
	return p.file.Sync()
}

func (p *progress) close() error { return p.file.Close() }

func (p *progress) remove() error { return os.Remove(p.path) }
