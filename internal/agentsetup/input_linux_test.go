// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/envfile"
)

func TestMerge_ChecksAllOfTheInput(t *testing.T) {
	key, _ := apikey.New()
	good := envfile.Variables{{Name: varTenant, Value: "acme"}, {Name: varKey, Value: key}, {Name: varEndpoint, Value: "https://gateway.example:4318/"}}
	for name, c := range map[string]struct {
		env   envfile.Variables
		wants []string
	}{
		"nothing":              {nil, []string{"BUSINESS_ID is missing", "GATEWAY_ENDPOINT: is required"}},
		"tenant":               {good.Set(varTenant, "a b"), []string{"BUSINESS_ID is not a tenant"}},
		"placeholder":          {good.Set(varKey, "REPLACE_WITH_THE_KEY"), []string{"TENANT_KEY is a placeholder"}},
		"changed key":          {good.Set(varKey, key[:len(key)-1]+"-"), []string{"TENANT_KEY has a wrong checksum"}},
		"part of a key":        {good.Set(varKey, key[:20]), []string{"TENANT_KEY has 20 characters instead of"}},
		"other secret":         {good.Set(varKey, "hunter2"), []string{"TENANT_KEY is not a key"}},
		"no scheme":            {good.Set(varEndpoint, "gateway.example:4318"), []string{"GATEWAY_ENDPOINT: must be a URL"}},
		"clear text":           {good.Set(varEndpoint, "http://gateway.example:4318"), []string{"GATEWAY_ENDPOINT: http sends the key in clear text"}},
		"port of gRPC":         {good.Set(varEndpoint, "https://gateway.example:4317"), []string{"GATEWAY_ENDPOINT: has port 4317"}},
		"path":                 {good.Set(varEndpoint, "https://gateway.example/v1/logs"), []string{"GATEWAY_ENDPOINT: must have no path"}},
		"metrics":              {good.Set(varMetrics, "yes"), []string{`PM2_METRICS must be true or false, not "yes"`}},
		"state":                {good.Set(varState, "state"), []string{"STATE_DIR must be an absolute path"}},
		"several at once":      {good.Set(varMetrics, "1").Set(varKey, "x"), []string{"TENANT_KEY is not a key", "PM2_METRICS must be"}},
		"good":                 {good, nil},
		"good with more":       {good.Set(varMetrics, "true").Set(varState, "/srv/state"), nil},
		"good on this machine": {good.Set(varEndpoint, "http://127.0.0.1:4318"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			in, err := merge(nil, c.env, "", "")
			if c.wants == nil {
				require.NoError(t, err)
				assert.Equal(t, key, in.key)
				_, has := in.env.Get(varKey)
				assert.False(t, has, "the key is not in the environment")
				return
			}
			require.ErrorIs(t, err, ErrInput)
			for _, want := range c.wants {
				assert.ErrorContains(t, err, want)
			}
			assert.NotContains(t, err.Error(), key)
			assert.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestMerge_KeepsWhatIsThere(t *testing.T) {
	old, _ := apikey.New()
	fresh, _ := apikey.New()
	present := envfile.Variables{{Name: varTenant, Value: "acme"}, {Name: varKey, Value: old}, {Name: varEndpoint, Value: "https://old.example:4318"}, {Name: "METRICS_PORT", Value: "9999"}}
	// An agent.env of an earlier version has the key.
	in, err := merge(present, nil, "", "")
	require.NoError(t, err)
	assert.Equal(t, old, in.key)
	assert.Equal(t, present.Without(varKey), in.env)

	in, err = merge(present, envfile.Variables{{Name: varKey, Value: fresh}, {Name: varTenant, Value: "acme"}}, "", "https://new.example/")
	require.NoError(t, err)
	assert.Equal(t, fresh, in.key)
	assert.Equal(t, present.Without(varKey).Set(varEndpoint, "https://new.example"), in.env)

	in, err = merge(present, nil, fresh+"\n", "")
	require.NoError(t, err)
	assert.Equal(t, fresh, in.key, "a key of its own has precedence")
}

func TestNoteUnknown(t *testing.T) {
	config := filepath.Join(t.TempDir(), "agent.yaml")
	require.NoError(t, os.WriteFile(config, []byte("a: ${env:METRICS_PORT:-8888}\nb: ${NGINX_LOGS}\n"), 0o600))
	in := &input{env: envfile.Variables{{Name: "METRICS_PORT"}, {Name: "NGINX_LOGS"}, {Name: "HTTPS_PROXY"}, {Name: "no_proxy"}, {Name: "GOMEMLIMIT"}, {Name: "OTEL_X"}, {Name: "PM2_HOM"}, {Name: "SOMETHING"}, {Name: varTenant}}}
	in.noteUnknown([]string{config, filepath.Join(t.TempDir(), "absent")}, "")
	assert.Equal(t, []string{"Nothing uses the variable PM2_HOM. Is PM2_HOME meant?", "Nothing uses the variable SOMETHING."}, in.notes)
}
