package nobody

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAgain(t *testing.T) {
	if Again(t) {
		return
	}
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, nil, 0))
	_, err := os.ReadFile(path)
	require.ErrorIs(t, err, os.ErrPermission)
}
