// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package arena

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestArena_NeverReusesMemory(t *testing.T) {
	a := New(64)
	var kept [][]byte
	for i := range 200 {
		kept = append(kept, a.Copy(fmt.Appendf(nil, "piece %d", i)))
	}
	for i, b := range kept {
		assert.Equal(t, fmt.Sprintf("piece %d", i), string(b))
		assert.Equal(t, len(b), cap(b), "appending to a kept piece must not reach the next one")
	}
}

func TestArena_KeepsLessThanReserved(t *testing.T) {
	a := New(100)
	first := a.Keep(append(a.Reserve(90), "abc"...))
	second := a.Copy([]byte("def"))
	assert.Equal(t, "abc", string(first))
	assert.Equal(t, "def", string(second))
}

func TestArena_ReturnsSlicesThatOutgrewTheReservation(t *testing.T) {
	a := New(16)
	big := bytes.Repeat([]byte("x"), 1<<16)
	got := a.Keep(append(a.Reserve(4), big...))
	assert.Equal(t, big, got)
	assert.Equal(t, "next", string(a.Copy([]byte("next"))))
	assert.Equal(t, big, got)
	assert.Empty(t, a.Copy(nil))
}
