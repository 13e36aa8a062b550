// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package requestguardextension

import (
	"errors"
	"fmt"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
)

// MemoryLimit says who sets the soft memory limit of the Go runtime, or is that limit.
// The environment variable GOMEMLIMIT has precedence.
type MemoryLimit string

const (
	// MemoryLimitAuto sets it to three quarters of the limit of the control group, if
	// there is one and the environment variable GOMEMLIMIT is not set. It also has
	// garbage collected sooner while much memory is in flight, unless GOGC is set.
	MemoryLimitAuto MemoryLimit = "auto"
	// MemoryLimitOff leaves it as it is.
	MemoryLimitOff MemoryLimit = "off"
)

// minMemoryLimit is the memory of an idle collector. Below it the runtime would only collect
// garbage.
const minMemoryLimit = 64 * bytesize.MiB

// size returns the limit if it is one, and 0 for auto and off.
func (l MemoryLimit) size() (bytesize.Size, error) { return sizeOrWord(string(l)) }

func (l MemoryLimit) check() error {
	size, err := l.size()
	switch {
	case err != nil:
		return fmt.Errorf(`"memory_limit" must be auto, off or a size such as 224MiB, got %q`, l)
	case size != 0 && size < minMemoryLimit:
		return fmt.Errorf(`"memory_limit" must be at least %v, got %v`, minMemoryLimit, size)
	}
	return nil
}

// sizeOrWord returns the size that text is, and 0 for auto and off.
func sizeOrWord(text string) (size bytesize.Size, err error) {
	if text == string(MemoryLimitAuto) || text == string(MemoryLimitOff) {
		return 0, nil
	}
	err = size.UnmarshalText([]byte(text))
	if err == nil && size == 0 {
		err = errors.New("is zero")
	}
	return size, err
}
