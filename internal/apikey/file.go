// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package apikey

import (
	"errors"
	"io"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/regularfile"
)

// maxFile bounds the bytes that are read of a file that is not a key file.
const maxFile = 4096

// ErrEmptyFile is returned for a file with white space only.
var ErrEmptyFile = errors.New("the file is empty")

// ReadFile returns the text of the regular file at path without the white space around it, at most 4096 bytes.
// [ID] checks whether it is a key. Errors do not contain the text.
func ReadFile(path string) (string, error) {
	f, err := regularfile.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(data))
	if text == "" {
		return "", ErrEmptyFile
	}
	return text, nil
}
