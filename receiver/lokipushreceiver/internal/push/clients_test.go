// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package push

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golang/snappy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The bodies are those that real clients sent: winston-loki 6.1.7, pino-loki 3.0.0 and
// loki-client-go of 2024-09-13.
func TestClients(t *testing.T) {
	for _, name := range []string{"winston-loki.json", "winston-loki.sz", "pino-loki.json", "loki-client-go.json", "loki-client-go.sz"} {
		t.Run(name, func(t *testing.T) {
			body, err := os.ReadFile(filepath.Join("testdata", name))
			require.NoError(t, err)
			read := (*Builder).JSON
			if strings.HasSuffix(name, ".sz") {
				read = (*Builder).Protobuf
				body, err = snappy.Decode(nil, body)
				require.NoError(t, err)
			}
			r, err := build(read, Settings{}, body)
			require.NoError(t, err)
			got, err := json.MarshalIndent(records(r.Logs), "", "  ")
			require.NoError(t, err)
			golden := filepath.Join("testdata", name+".golden")
			if os.Getenv("UPDATE") != "" {
				require.NoError(t, os.WriteFile(golden, append(got, '\n'), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, strings.TrimSpace(string(want)), string(got))
			assert.Equal(t, 6, r.Records)
			assert.Equal(t, name == "winston-loki.sz", r.RepairedLabelSets > 0, "winston-loki does not escape")
		})
	}
}
