// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package apikey_test

import (
	"fmt"
	"regexp"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
)

func ExampleNew() {
	key, id := apikey.New()
	fmt.Println(len(key) == apikey.Length, regexp.MustCompile(apikey.Pattern).MatchString(key))

	parsed, err := apikey.ID(key)
	fmt.Println(parsed == id, err)
	// Output:
	// true true
	// true <nil>
}

func ExampleID() {
	id, err := apikey.ID("obs_kabcdefg_secret")
	fmt.Printf("%q %v\n", id, err)
	// Output:
	// "" malformed API key
}

func ExampleDigest() {
	key, _ := apikey.New()
	digests := map[string]bool{fmt.Sprintf("%x", apikey.Digest(key)): true} // what a registry stores

	other, _ := apikey.New()
	fmt.Println(digests[fmt.Sprintf("%x", apikey.Digest(key))], digests[fmt.Sprintf("%x", apikey.Digest(other))])
	// Output:
	// true false
}
