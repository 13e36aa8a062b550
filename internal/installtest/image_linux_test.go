// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package installtest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/loopback"
)

// imageConfig is the part of an image's configuration that decides how it runs.
type imageConfig struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Config       struct {
		User         string
		Entrypoint   []string
		Cmd          []string
		WorkingDir   string
		Env          []string
		Volumes      map[string]struct{}
		ExposedPorts map[string]struct{}
		Labels       map[string]string
		Healthcheck  struct {
			Test                           []string
			Interval, Timeout, StartPeriod time.Duration
			Retries                        int
		}
	} `json:"config"`
}

// dockerArchive returns the docker archive of make image for this machine.
func dockerArchive(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, "_build/image/*_linux_"+runtime.GOARCH+".docker.tar"))
	require.NoError(t, err)
	if len(found) == 0 {
		missing(t, "_build/image (make image PACKAGE_ARCHS="+runtime.GOARCH+")")
	}
	require.Len(t, found, 1, "remove _build/image and build the image again")
	return found[0]
}

// configOf returns the configuration of an image that skopeo can read.
func configOf(t *testing.T, image string) (c imageConfig) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(output(t, command(t, "skopeo", "skopeo"), "inspect", "--config", "--raw", image)), &c))
	return c
}

// unpacked returns the root of an image that skopeo can read.
func unpacked(t *testing.T, image string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "root, for the owners of files")
	}
	folder := t.TempDir()
	output(t, command(t, "skopeo", "skopeo"), "copy", "--quiet", "--insecure-policy", "--override-arch="+runtime.GOARCH, image, "oci:"+folder+"/oci:x")
	output(t, command(t, "umoci", "umoci"), "unpack", "--image", folder+"/oci:x", folder+"/bundle")
	return filepath.Join(folder, "bundle/rootfs")
}

// listing returns a line for each file of a tree: mode, owner, digest and path.
func listing(t *testing.T, tree string) (lines []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == tree {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		digest := ""
		if d.Type().IsRegular() {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			digest = fmt.Sprintf("%x", sha256.Sum256(content))[:16]
		}
		st := info.Sys().(*syscall.Stat_t)
		lines = append(lines, fmt.Sprintf("%s %d:%d %s %s", info.Mode(), st.Uid, st.Gid, digest, strings.TrimPrefix(path, tree)))
		return nil
	}))
	return lines
}

func TestImage_HasTheseFilesAndThisConfiguration(t *testing.T) {
	archive := dockerArchive(t)
	var got []string
	for _, line := range listing(t, unpacked(t, "docker-archive:"+archive)) {
		f := strings.Fields(line)
		got = append(got, f[0]+" "+f[1]+" "+f[len(f)-1])
	}
	assert.ElementsMatch(t, []string{
		"drwxr-xr-x 0:0 /etc",
		"-rw-r--r-- 0:0 /etc/group",
		"drwxr-xr-x 0:0 /etc/otelcol-tenant",
		"-rw-r--r-- 0:0 /etc/otelcol-tenant/config.yaml",
		"-rw-r--r-- 0:0 /etc/passwd",
		"drwxr-xr-x 0:0 /etc/ssl",
		"drwxr-xr-x 0:0 /etc/ssl/certs",
		"-rw-r--r-- 0:0 /etc/ssl/certs/ca-certificates.crt",
		"drwxr-xr-x 0:0 /licenses",
		"-rw-r--r-- 0:0 /licenses/LICENSE",
		"-rw-r--r-- 0:0 /licenses/THIRD_PARTY_NOTICES.txt",
		"-rwxr-xr-x 0:0 /otelcol-tenant",
		"drwxr-xr-x 0:0 /sbom",
		"-rw-r--r-- 0:0 /sbom/otelcol-tenant.cdx.json",
		"-rw-r--r-- 0:0 /sbom/tenantctl.cdx.json",
		"-rwxr-xr-x 0:0 /tenantctl",
		"dtrwxrwxrwx 0:0 /tmp",
		"drwxr-xr-x 0:0 /var",
		"drwxr-xr-x 0:0 /var/lib",
		"drwxr-xr-x 10001:10001 /var/lib/otelcol-tenant",
	}, got)
	c := configOf(t, "docker-archive:"+archive)
	assert.Equal(t, "10001:10001", c.Config.User)
	assert.Equal(t, []string{"CMD", "/tenantctl", "health", "--live"}, c.Config.Healthcheck.Test)
	for _, label := range []string{"version", "revision", "created", "source", "licenses", "title", "description"} {
		assert.NotEmpty(t, c.Config.Labels["org.opencontainers.image."+label], label)
	}
	assert.Contains(t, c.Config.Env, "OTEL_GO_X_CARDINALITY_LIMIT=0")
	// The OCI layout has the same image.
	version := c.Config.Labels["org.opencontainers.image.version"]
	oci := output(t, command(t, "skopeo", "skopeo"), "--override-arch="+runtime.GOARCH, "inspect", "--config", "--raw", "oci:"+root+"/_build/image/oci:"+version)
	var same imageConfig
	require.NoError(t, json.Unmarshal([]byte(oci), &same))
	assert.Equal(t, c, same)
}

// tool runs the program that writes images, as make image does.
func tool(t *testing.T, args ...string) {
	t.Helper()
	c := configOf(t, "docker-archive:"+dockerArchive(t)).Config.Labels
	created, err := time.Parse(time.RFC3339, c["org.opencontainers.image.created"])
	require.NoError(t, err)
	output(t, filepath.Join(root, "_build/tools/image"), append([]string{
		"-root", root, "-version", c["org.opencontainers.image.version"], "-revision", c["org.opencontainers.image.revision"],
		"-time", fmt.Sprint(created.Unix()), "-arch", runtime.GOARCH + "=_build",
	}, args...)...)
}

func TestImage_IsReproducible(t *testing.T) {
	archive := dockerArchive(t)
	again := t.TempDir()
	tool(t, "-output", again)
	want, err := os.ReadFile(archive)
	require.NoError(t, err)
	got, err := os.ReadFile(filepath.Join(again, filepath.Base(archive)))
	require.NoError(t, err)
	assert.Equal(t, sha256.Sum256(want), sha256.Sum256(got))
	if blobs, err := os.ReadDir(filepath.Join(root, "_build/image/oci/blobs/sha256")); assert.NoError(t, err) && len(blobs) == 5 { // one architecture
		first, err := os.ReadFile(filepath.Join(root, "_build/image/oci/index.json"))
		require.NoError(t, err)
		second, err := os.ReadFile(filepath.Join(again, "oci/index.json"))
		require.NoError(t, err)
		assert.Equal(t, string(first), string(second))
	}
}

// The Dockerfile, whose last stage only copies, builds the same image.
func TestImage_OfTheDockerfileIsTheSame(t *testing.T) {
	buildah := command(t, "buildah", "buildah")
	archive := dockerArchive(t)
	if os.Geteuid() != 0 {
		missing(t, "root, for buildah")
	}
	folder := t.TempDir()
	tool(t, "-tree", "-output", filepath.Join(folder, "context/_build/image-tree"))
	dockerfile, err := os.ReadFile(filepath.Join(root, "distributions/gateway/Dockerfile"))
	require.NoError(t, err)
	_, last, ok := strings.Cut(string(dockerfile), "\nFROM scratch\n")
	require.True(t, ok)
	// The first stage needs an image of Go. It runs make image-tree.
	last = "FROM scratch\n" + strings.ReplaceAll(last, "--from=build /src/", "") + "\n"
	last = strings.ReplaceAll(last, "--from=build --chown=10001:10001 /src/", "--chown=10001:10001 ")
	require.NotContains(t, last, "--from")
	path := filepath.Join(folder, "Dockerfile")
	require.NoError(t, os.WriteFile(path, []byte(last), 0o600))
	want := configOf(t, "docker-archive:"+archive)
	store := []string{"--root", filepath.Join(folder, "store"), "--runroot", filepath.Join(folder, "run"), "--storage-driver", "vfs"}
	build := exec.Command(buildah, append(store, "bud", "--format=docker", "--identity-label=false", "--isolation=chroot", "--file", path, "--tag", "localhost/same",
		"--build-arg", "VERSION="+want.Config.Labels["org.opencontainers.image.version"],
		"--build-arg", "REVISION="+want.Config.Labels["org.opencontainers.image.revision"],
		"--build-arg", "CREATED="+want.Config.Labels["org.opencontainers.image.created"],
		filepath.Join(folder, "context"))...)
	build.Env = append(os.Environ(), "BUILDAH_ISOLATION=chroot")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	built := filepath.Join(folder, "same.tar")
	output(t, buildah, append(store, "push", "--quiet", "localhost/same", "docker-archive:"+built)...)

	assert.ElementsMatch(t, listing(t, unpacked(t, "docker-archive:"+archive)), listing(t, unpacked(t, "docker-archive:"+built)))
	assert.Equal(t, want, configOf(t, "docker-archive:"+built))
}

// TestImage_Runs runs the image as its user with a root that is mounted read-only.
func TestImage_Runs(t *testing.T) {
	bwrap, setpriv := command(t, "bwrap", "bubblewrap"), command(t, "setpriv", "util-linux")
	archive := dockerArchive(t)
	tree := unpacked(t, "docker-archive:"+archive)
	c := configOf(t, "docker-archive:"+archive)
	tenantctl := filepath.Join(tree, "tenantctl")

	// What an operator mounts: a folder with the registry, and a volume.
	registry, volume := t.TempDir(), t.TempDir()
	require.NoError(t, os.Chown(volume, 10001, 10001))
	file := filepath.Join(registry, "tenants.yaml")
	output(t, tenantctl, "--registry", file, "tenant", "create", "acme")
	key := keyForm.FindString(output(t, tenantctl, "--registry", file, "key", "create", "acme"))
	require.NotEmpty(t, key)
	require.NoError(t, os.Chown(file, 10001, 10001))
	// The user of the image reaches the folders of the test.
	for _, folder := range []string{filepath.Dir(registry), filepath.Dir(tree), filepath.Dir(filepath.Dir(tree))} {
		require.NoError(t, os.Chmod(folder, 0o755))
	}
	addresses := loopback.Addresses(t, 6)
	_, metrics, _ := strings.Cut(addresses[5], ":")
	environment := append(slices.Clone(c.Config.Env), "TENANTS_FILE=/tenants/tenants.yaml", "HEALTH_ENDPOINT="+addresses[0], "OTLP_HTTP_ENDPOINT="+addresses[1],
		"OTLP_GRPC_ENDPOINT="+addresses[2], "REMOTE_WRITE_ENDPOINT="+addresses[3], "LOKI_PUSH_ENDPOINT="+addresses[4], "METRICS_PORT="+metrics)
	contained := func(args ...string) *exec.Cmd {
		all := []string{
			"--unshare-all", "--share-net", "--uid", "10001", "--gid", "10001", "--cap-drop", "ALL", "--die-with-parent", "--ro-bind", tree, "/",
			"--tmpfs", "/tmp", "--proc", "/proc", "--dev", "/dev", "--bind", volume, "/var/lib/otelcol-tenant", "--ro-bind", registry, "/tenants", "--clearenv",
		}
		for _, e := range environment {
			name, value, _ := strings.Cut(e, "=")
			all = append(all, "--setenv", name, value)
		}
		return exec.Command(setpriv, append(append([]string{"--reuid=10001", "--regid=10001", "--clear-groups", bwrap}, append(all, "--")...), args...)...)
	}
	for _, folder := range []string{"proc", "dev", "tenants"} {
		require.NoError(t, os.MkdirAll(filepath.Join(tree, folder), 0o755)) // a runtime creates the mount points
	}

	check := contained(c.Config.Healthcheck.Test[1:]...)
	out, err := check.CombinedOutput()
	require.Error(t, err, "the health check fails while nothing runs: %s", out)

	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	gateway := contained(append(c.Config.Entrypoint, c.Config.Cmd...)...)
	gateway.Stdout, gateway.Stderr = log, log
	require.NoError(t, gateway.Start())
	t.Cleanup(func() {
		_ = gateway.Process.Kill()
		_ = gateway.Wait()
	})
	wait := func(what string, condition func() bool) {
		for end := time.Now().Add(time.Minute); !condition(); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				text, _ := os.ReadFile(log.Name())
				t.Fatalf("not %s:\n%s", what, text)
			}
		}
	}
	wait("healthy", func() bool { return contained(c.Config.Healthcheck.Test[1:]...).Run() == nil })
	wait("accepted", func() bool {
		req, err := http.NewRequest(http.MethodPost, "http://"+addresses[1]+"/v1/logs",
			strings.NewReader(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"hello"}}]}]}]}`))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+key)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	wait("archived", func() bool {
		found, _ := filepath.Glob(filepath.Join(volume, "data/tenant=acme/signal=logs/*/*/*.jsonl"))
		for _, f := range found {
			if text, err := os.ReadFile(f); err == nil && strings.Contains(string(text), "hello") {
				return true
			}
		}
		return false
	})
	out, err = contained("/tenantctl", "health").CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Equal(t, "ok\n", string(out))
}
