// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"errors"
	"io"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/regularfile"
)

// maxKeyFileSize limits the bytes that are read of a file that is not a key file.
const maxKeyFileSize = 4096

var (
	errEmptyKeyFile = errors.New("the file is empty")
	errNotAKeyFile  = errors.New("the file has other content than one API key of the form obs_<key id>_<secret>")
)

// readKeyFile returns the key in the file at path without the white space around it.
// Its errors do not contain the content of the file.
func readKeyFile(path string) (string, error) {
	f, err := regularfile.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxKeyFileSize))
	if err != nil {
		return "", err
	}
	key := strings.TrimSpace(string(raw))
	if key == "" {
		return "", errEmptyKeyFile
	}
	if _, err := apikey.ID(key); err != nil {
		return "", errNotAKeyFile
	}
	return key, nil
}
