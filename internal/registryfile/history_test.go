// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package registryfile

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestHistoryOf_RejectsOtherText(t *testing.T) {
	line := string(WithHistory(nil, History{}.Next(0)))
	for name, text := range map[string]string{
		"none":            "tenants: []\n",
		"empty":           "",
		"after the head":  "tenants: []\n" + line,
		"twice":           line + line + "tenants: []\n",
		"no token":        "# history: registry 0123456789abcdef epoch 0 revision 1 tokens \ntenants: []\n",
		"a short token":   "# history: registry 0123456789abcdef epoch 0 revision 1 tokens 0123\ntenants: []\n",
		"a huge number":   "# history: registry 0123456789abcdef epoch 0 revision 9999999999999999999 tokens 0123456789ab\ntenants: []\n",
		"the operator's":  "# history: of this file\ntenants: []\n",
		"indented":        " " + line + "tenants: []\n",
		"without its end": strings.TrimSuffix(line, "\n"),
	} {
		_, ok := HistoryOf([]byte(text))
		assert.False(t, ok, name)
	}
	_, ok := HistoryOf([]byte("# before\n\n" + line + "tenants: []\n"))
	assert.True(t, ok)
}

func TestCheckHead(t *testing.T) {
	for head, good := range map[string]bool{
		"tenants:\n": true, "# x\ntenants: # y\n": true, "tenants: []\n": true, "---\ntenants:\n": true, Empty: true,
		"": false, "tenants: [{id: a}]\n": false, "tenants:\n  - id: a\n": false, "x: 1\ntenants:\n": false, "tenants: x\n": false,
	} {
		err := CheckHead([]byte(head))
		assert.Equal(t, good, err == nil, "%q: %v", head, err)
	}
}
