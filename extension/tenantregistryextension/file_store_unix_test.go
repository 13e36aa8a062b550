//go:build unix

package tenantregistryextension

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componentstatus"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// To open a named pipe waits for a writer, who may never come.
func TestNamedPipe_InTheFilesPlaceStopsNeitherChangesNorTheShutdown(t *testing.T) {
	f := newFixture(t)
	f.replace(yamlOf("a"))
	f.start()
	require.NoError(t, os.Remove(f.path))
	require.NoError(t, syscall.Mkfifo(f.path, 0o600))
	require.Eventually(t, func() bool { return f.host.status() == componentstatus.StatusRecoverableError }, inForceWithin, inForceWithin/1000)
	f.always("a")
	f.replace(yamlOf("a", "b"))
	f.eventually("a b")
	f.stop()
}

func TestNamedPipe_InTheCopysPlaceStopsNoStart(t *testing.T) {
	f := newFixture(t)
	f.cfg.Snapshot = f.path + ".copy"
	require.NoError(t, syscall.Mkfifo(f.cfg.Snapshot, 0o600))
	f.start()
	assert.Equal(t, "none", f.ids())
}

func TestUnreadableFile_IsReadOnceItMay(t *testing.T) {
	if os.Getuid() == 0 {
		runAsNobody(t) // root may read everything
		return
	}
	f := newFixture(t)
	f.replace(yamlOf("a"))
	require.NoError(t, os.Chmod(f.path, 0))
	health, _ := f.startPosted()
	assert.Equal(t, "none", f.ids())
	require.NotNil(t, health().Failure)
	assert.Equal(t, tenant.FailureUnavailable, health().Failure.Class)
	require.NoError(t, os.Chmod(f.path, 0o600))
	f.eventually("a")
}

// runAsNobody runs the test again as a user without any rights.
func runAsNobody(t *testing.T) {
	t.Helper()
	const nobody = 65534
	dir, err := os.MkdirTemp("", "nobody") //nolint:usetesting // others may not go into a folder of the test
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chown(dir, nobody, nobody))
	program := filepath.Join(dir, "test")
	copyProgram(t, program)
	cmd := exec.Command(program, "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Dir, cmd.Env = dir, []string{"TMPDIR=" + dir, "HOME=" + dir, "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "--- PASS: "+t.Name())
}

// copyProgram puts this program where everybody may run it.
func copyProgram(t *testing.T, to string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	in, err := os.Open(self)
	require.NoError(t, err)
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(out, in)
	require.NoError(t, err)
	require.NoError(t, out.Close())
}
