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

// backup is the copy of the last good registry on disk. Its first line is a
// comment with the time and the SHA-256 of what follows, which is a registry
// file, so an operator can read it and put it in the source's place.
type backup struct{ path string }

const backupHeader = "# otelcol-tenant: copy of the registry read at %s, sha256 %x\n"

var errDamaged = errors.New("it is not a copy of a registry, or damaged")

// markPrefix begins the second line, which says what revision of the source the
// copy is. Copies of earlier versions do not have it.
const markPrefix = "# otelcol-tenant: history "

// write replaces the copy. The file is readable by its owner only.
func (b backup) write(c content) error {
	data := append(fmt.Appendf(nil, "%s%v changed at %s\n", markPrefix, c.mark, c.changedAt.UTC().Format(time.RFC3339Nano)), c.data...)
	readAt := c.readAt
	if err := os.MkdirAll(filepath.Dir(b.path), 0o700); err != nil {
		return err
	}
	head := fmt.Sprintf(backupHeader, readAt.UTC().Format(time.RFC3339Nano), sha256.Sum256(data))
	return atomicfile.Write(b.path, append([]byte(head), data...))
}

// read returns the copy.
func (b backup) read() (c content, err error) {
	data, readAt, err := b.open()
	if err != nil {
		return content{}, err
	}
	c = content{data: data, readAt: readAt}
	if line, rest, ok := bytes.Cut(data, []byte("\n")); ok && bytes.HasPrefix(line, []byte(markPrefix)) {
		text, at, _ := strings.Cut(strings.TrimPrefix(string(line), markPrefix), " changed at ")
		mark, err := history.ParseMark(text)
		changedAt, timeErr := time.Parse(time.RFC3339Nano, at)
		if err != nil || timeErr != nil {
			return content{}, errDamaged
		}
		c.mark, c.changedAt, c.data = mark, changedAt, rest
	}
	return c, nil
}

// open returns what follows the first line, and when the registry was read from
// its source.
func (b backup) open() (data []byte, readAt time.Time, err error) {
	file, err := regularfile.Open(b.path)
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
