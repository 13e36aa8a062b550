// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package diskspace

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestFault_NamesThePathAndTheFix(t *testing.T) {
	dir := t.TempDir()
	for cause, remedy := range map[error]string{
		syscall.ENOSPC:         "free space",
		storage.ErrStorageFull: "free space",
		syscall.EDQUOT:         "quota",
		syscall.EROFS:          "mount the file system writable",
		syscall.EIO:            "the disk fails",
		syscall.EACCES:         "give the user",
		fs.ErrPermission:       "give the user",
		syscall.ENOENT:         "create the directory again",
		syscall.EMFILE:         "LimitNOFILE",
		errors.New("another"):  "",
	} {
		err := fmt.Errorf("writing: %w", &os.PathError{Op: "write", Path: "x", Err: cause})
		for _, path := range []string{dir, filepath.Join(dir, "not", "there"), ""} {
			core, logs := observer.New(zap.InfoLevel)
			zap.New(core).Error("x", Fault(path, err)...)
			got := logs.All()[0].ContextMap()
			assert.Equal(t, err.Error(), got["error"])
			if remedy == "" {
				assert.NotContains(t, got, "remedy")
			} else {
				assert.Contains(t, got["remedy"], remedy)
			}
			if path == "" {
				assert.NotContains(t, got, "path")
				continue
			}
			assert.Equal(t, path, got["path"])
			if _, ok := Of(dir); ok {
				assert.Positive(t, got["free_bytes"], path)
			}
		}
	}
	assert.True(t, IsFull(fmt.Errorf("%w", syscall.EDQUOT)))
	assert.False(t, IsFull(syscall.EROFS))
}
