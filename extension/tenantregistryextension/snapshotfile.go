// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tenantregistryextension

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/history"
	"github.com/otelcol-tenant/otelcol-tenant/internal/regularfile"
)

// snapshotFile is the copy of the last good registry on disk. Its first line is a
// comment with the time and the SHA-256 of the rest, which is a registry file, so
// that an operator can read it and use it as the source.
type snapshotFile struct{ path string }

const snapshotHeader = "# otelcol-tenant: copy of the registry read at %s, sha256 %x\n"

var errDamaged = errors.New("it is not a copy of a registry, or it is damaged")

// versionPrefix begins the second line, which has the version of the source.
// Copies of earlier releases do not have this line.
const versionPrefix = "# otelcol-tenant: history "

// write replaces the copy. Only its owner can read the file.
func (f snapshotFile) write(c content) error {
	data := append(fmt.Appendf(nil, "%s%v changed at %s\n", versionPrefix, c.version, c.changedAt.UTC().Format(time.RFC3339Nano)), c.data...)
	readAt := c.readAt
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return err
	}
	head := fmt.Sprintf(snapshotHeader, readAt.UTC().Format(time.RFC3339Nano), sha256.Sum256(data))
	return atomicfile.Write(f.path, append([]byte(head), data...))
}

// read returns the copy.
func (f snapshotFile) read() (c content, err error) {
	data, readAt, err := f.open()
	if err != nil {
		return content{}, err
	}
	c = content{data: data, readAt: readAt}
	if line, rest, ok := bytes.Cut(data, []byte("\n")); ok && bytes.HasPrefix(line, []byte(versionPrefix)) {
		text, at, _ := strings.Cut(strings.TrimPrefix(string(line), versionPrefix), " changed at ")
		version, err := history.ParseVersion(text)
		changedAt, timeErr := time.Parse(time.RFC3339Nano, at)
		if err != nil || timeErr != nil {
			return content{}, errDamaged
		}
		c.version, c.changedAt, c.data = version, changedAt, rest
	}
	return c, nil
}

// open returns the text after the first line, and the time at which the registry was
// read from its source.
func (f snapshotFile) open() (data []byte, readAt time.Time, err error) {
	file, err := regularfile.Open(f.path)
	if err != nil {
		return nil, time.Time{}, err
	}
	all, err := io.ReadAll(io.LimitReader(file, maxFileSize+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, time.Time{}, err
	}
	if len(all) > maxFileSize {
		return nil, time.Time{}, errDamaged
	}
	head, data, _ := bytes.Cut(all, []byte("\n"))
	var at string
	var sum []byte
	if _, err := fmt.Sscanf(string(head)+"\n", "# otelcol-tenant: copy of the registry read at %s sha256 %x\n", &at, &sum); err != nil {
		return nil, time.Time{}, errDamaged
	}
	readAt, err = time.Parse(time.RFC3339Nano, string(bytes.TrimSuffix([]byte(at), []byte(","))))
	if want := sha256.Sum256(data); err != nil || !bytes.Equal(sum, want[:]) {
		return nil, time.Time{}, errDamaged
	}
	return data, readAt, nil
}
