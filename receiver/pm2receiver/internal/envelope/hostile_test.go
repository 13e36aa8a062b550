// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package envelope

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
)

// An object of an application with a million fields is left at the first of them.
func TestParse_RejectsObjectsOfApplications(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"app_name":"a"`)
	for i := range 100_000 {
		fmt.Fprintf(&b, `,"k%d":1`, i)
	}
	b.WriteString("}")
	line := []byte(b.String())
	a := arena.New(64)
	allocs := testing.AllocsPerRun(5, func() {
		_, ok := Parse(line, a)
		assert.False(t, ok)
	})
	assert.Less(t, allocs, 100.0)
}

func TestParse_DeepObjects(t *testing.T) {
	for _, line := range []string{
		`{"app_name":` + strings.Repeat("[", 1<<20), `{"app_name":` + strings.Repeat(`{"app_name":`, 1<<18), strings.Repeat(`{"app_name":`, 1<<18) + "1" + strings.Repeat("}", 1<<18),
	} {
		_, ok := Parse([]byte(line), arena.New(64))
		assert.False(t, ok)
	}
}
