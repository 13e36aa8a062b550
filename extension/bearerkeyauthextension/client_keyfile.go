// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"errors"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
)

var errNotAKeyFile = errors.New("the file has other content than one API key of the form obs_<key id>_<secret>")

// readKeyFile returns the key in the file at path without the white space around it.
// Its errors do not contain the content of the file.
func readKeyFile(path string) (string, error) {
	key, err := apikey.ReadFile(path)
	if err != nil {
		return "", err
	}
	if _, err := apikey.ID(key); err != nil {
		return "", errNotAKeyFile
	}
	return key, nil
}
