// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rotation

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestContent_DecisionTable(t *testing.T) {
	for name, c := range map[string]struct {
		content Content
		want    ContentChange
	}{
		"new and empty":                          {Content{}, Unchanged},
		"new and empty, just made":               {Content{Modified: true}, Rewritten},
		"new with lines":                         {Content{Size: 10, Modified: true}, Grown},
		"read to its end":                        {Content{Offset: 10, Size: 10}, Unchanged},
		"as long as before, but written to":      {Content{Offset: 10, Size: 10, Modified: true}, Rewritten},
		"shorter":                                {Content{Offset: 10, Size: 9}, Truncated},
		"shorter and written to":                 {Content{Offset: 10, Size: 9, Modified: true}, Truncated},
		"empty after a flush":                    {Content{Offset: 10, Modified: true}, Truncated},
		"longer":                                 {Content{Offset: 10, Size: 11, Modified: true}, Grown},
		"longer, within the resolution of times": {Content{Offset: 10, Size: 11}, Grown},
		"partial line as before":                 {Content{Offset: 10, Size: 13, Partial: 3}, Unchanged},
		"partial line that is overdue":           {Content{Offset: 10, Size: 13, Partial: 3, Overdue: true}, Grown},
		"partial line written to":                {Content{Offset: 10, Size: 13, Partial: 3, Modified: true}, Grown},
		"partial line that has grown":            {Content{Offset: 10, Size: 14, Partial: 3}, Grown},
		"compressed":                             {Content{Offset: 10, Size: -1}, Grown},
		"compressed, nothing read":               {Content{Size: -1}, Grown},
	} {
		assert.Equal(t, c.want, c.content.Classify(), name)
	}
}
