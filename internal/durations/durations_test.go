// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package durations

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
)

type inner struct {
	Timeout time.Duration `mapstructure:"timeout"`
}

type config struct {
	inner    `mapstructure:",squash"`
	Squashed Squashed                       `mapstructure:",squash"`
	Wait     time.Duration                  `mapstructure:"wait"`
	Nested   inner                          `mapstructure:"nested"`
	Pointer  *inner                         `mapstructure:"pointer"`
	Optional configoptional.Optional[inner] `mapstructure:"optional"`
	ByName   map[string]withOptional        `mapstructure:"by_name"`
	List     []inner                        `mapstructure:"list"`
	Number   int64                          `mapstructure:"number"`
	Hidden   time.Duration                  `mapstructure:"-"`
	_        struct{}
}

// Squashed is a type that upstream's settings embed.
type Squashed struct {
	Idle time.Duration `mapstructure:"idle"`
}

type withOptional struct {
	Client configoptional.Optional[inner] `mapstructure:"client"`
}

func TestCheck(t *testing.T) {
	for text, want := range map[string]map[string]any{
		"`wait` is 5ns: write a unit, such as 5s":                 {"wait": 5},
		"`idle` is 30ns: write a unit, such as 30s":               {"idle": 30},
		"`nested::timeout` is 1ns: write a unit, such as 1s":      {"nested": map[string]any{"timeout": 1}},
		"`pointer::timeout` is 2ns":                               {"pointer": map[string]any{"timeout": 2}},
		"`optional::timeout` is 3ns":                              {"optional": map[string]any{"timeout": 3}},
		"`by_name::a::client::timeout` is 4ns":                    {"by_name": map[string]any{"a": map[string]any{"client": map[string]any{"timeout": 4}}}},
		"`list::1::timeout` is 999ns: write a unit, such as 999s": {"list": []any{map[string]any{"timeout": "1s"}, map[string]any{"timeout": 999}}},
	} {
		var cfg config
		require.NoError(t, confmap.NewFromStringMap(want).Unmarshal(&cfg))
		assert.ErrorContains(t, Check(&cfg), text)
	}
	var cfg config
	require.NoError(t, Check(&cfg))
	require.NoError(t, Check((*config)(nil)))
	require.NoError(t, confmap.NewFromStringMap(map[string]any{"wait": "5s", "idle": 0, "number": 5, "optional": map[string]any{"timeout": "1us"}}).Unmarshal(&cfg))
	cfg.Hidden = 5
	assert.NoError(t, Check(&cfg))
}
