// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package installtest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/installtest/debianroot"
)

// root is the root of the source tree, relative to this package.
const root = "../.."

// missing ends a test because software is missing. It skips on a developer's machine and
// fails with REQUIRE_REAL=1.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("REQUIRE_REAL") == "1" {
		t.Fatalf("REQUIRE_REAL=1 and there is no %s", what)
	}
	t.Skipf("there is no %s", what)
}

// command returns the path of a program of the test's system.
func command(t *testing.T, name, from string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name+" (apt-get install "+from+")")
	}
	return path
}

// output runs a program of the test's system and returns its output.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s %q:\n%s", name, args, out)
	return string(out)
}

// packageFile returns the path of a package of make packages for this machine.
func packageFile(t *testing.T, name, format string) string {
	t.Helper()
	pattern := map[string]string{"deb": "_*_" + runtime.GOARCH + ".deb", "rpm": "-[0-9]*." + rpmArch() + ".rpm", "apk": "_*_" + rpmArch() + ".apk"}[format]
	found, err := filepath.Glob(filepath.Join(root, "_build/packages", name+pattern))
	require.NoError(t, err)
	if len(found) == 0 {
		missing(t, name+"."+format+" (make packages PACKAGE_ARCHS="+runtime.GOARCH+")")
	}
	require.Len(t, found, 1, "remove _build/packages and build the packages again")
	path, err := filepath.Abs(found[0])
	require.NoError(t, err)
	return path
}

// rpmArch is the name of this machine's architecture in rpm and apk packages.
func rpmArch() string {
	return map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
}

const (
	base    = "otelcol-tenant"
	agent   = "otelcol-tenant-agent"
	gateway = "otelcol-tenant-gateway"
)

// debs returns the arguments of dpkg with the packages of these names, inside the machine.
func debs(t *testing.T, m *debianroot.Machine, names ...string) []string {
	t.Helper()
	var files []string
	for _, name := range names {
		files = append(files, m.Share(packageFile(t, name, "deb")))
	}
	return files
}

// repacked returns a package of this machine's format deb with another version, and with
// changed files: content by path.
func repacked(t *testing.T, name, version string, change map[string]string) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), name)
	output(t, "dpkg-deb", "--raw-extract", packageFile(t, name, "deb"), folder)
	control := filepath.Join(folder, "DEBIAN/control")
	text, err := os.ReadFile(control)
	require.NoError(t, err)
	var old string
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "Version: "); ok {
			old = strings.TrimSpace(rest)
		}
	}
	require.NotEmpty(t, old)
	require.NoError(t, os.WriteFile(control, bytes.ReplaceAll(text, []byte(old), []byte(version)), 0o644))
	for path, content := range change {
		require.NoError(t, os.WriteFile(filepath.Join(folder, path), []byte(content), 0o644))
	}
	to := filepath.Join(t.TempDir(), name+"_"+version+".deb")
	output(t, "dpkg-deb", "--build", "-Znone", folder, to)
	return to
}

func TestPackages_AreReproducible(t *testing.T) {
	first := packageFile(t, base, "deb")
	again := t.TempDir()
	cmd := exec.Command("make", "-s", "-C", root, "packages-again", "PACKAGE_ARCHS="+runtime.GOARCH, "PACKAGE_OUTPUT="+again)
	cmd.Env = append(os.Environ(), "TZ=Pacific/Auckland", "LC_ALL=C", "SOURCE_DATE_EPOCH="+packageTime(t, first))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	entries, err := os.ReadDir(again)
	require.NoError(t, err)
	require.Len(t, entries, 9)
	for _, e := range entries {
		a, err := os.ReadFile(filepath.Join(root, "_build/packages", e.Name()))
		require.NoError(t, err)
		b, err := os.ReadFile(filepath.Join(again, e.Name()))
		require.NoError(t, err)
		assert.True(t, bytes.Equal(a, b), "%s has other bytes the second time", e.Name())
	}
}

// packageTime returns the time of the members of a Debian package, in seconds since 1970.
func packageTime(t *testing.T, deb string) string {
	t.Helper()
	content, err := os.ReadFile(deb)
	require.NoError(t, err)
	return strings.TrimSpace(string(content[8+16 : 8+16+12])) // the header of the first member of ar
}

// contents is the table of the files in the packages of the gateway and of the base, with
// permissions, owner and group, without documents.
func TestPackages_HaveTheseFiles(t *testing.T) {
	want := map[string][]string{
		base: {
			"drwxr-xr-x root/root /etc/otelcol-tenant/",
			"-rwxr-xr-x root/root /usr/bin/otelcol-tenant",
			"-rwxr-xr-x root/root /usr/bin/tenantctl",
			"-rw-r--r-- root/root /usr/share/bash-completion/completions/otelcol-tenant",
			"-rw-r--r-- root/root /usr/share/bash-completion/completions/tenantctl",
			"-rw-r--r-- root/root /usr/share/doc/otelcol-tenant/THIRD_PARTY_NOTICES.txt.gz",
			"-rw-r--r-- root/root /usr/share/doc/otelcol-tenant/changelog.Debian.gz",
			"-rw-r--r-- root/root /usr/share/doc/otelcol-tenant/changelog.gz",
			"-rw-r--r-- root/root /usr/share/doc/otelcol-tenant/copyright",
			"-rw-r--r-- root/root /usr/share/doc/otelcol-tenant/sbom/otelcol-tenant.cdx.json",
			"-rw-r--r-- root/root /usr/share/doc/otelcol-tenant/sbom/tenantctl.cdx.json",
			"-rw-r--r-- root/root /usr/share/fish/vendor_completions.d/otelcol-tenant.fish",
			"-rw-r--r-- root/root /usr/share/fish/vendor_completions.d/tenantctl.fish",
			"-rw-r--r-- root/root /usr/share/lintian/overrides/otelcol-tenant",
			"-rw-r--r-- root/root /usr/share/man/man1/tenantctl.1.gz",
			"-rw-r--r-- root/root /usr/share/man/man8/otelcol-tenant.8.gz",
			"-rw-r--r-- root/root /usr/share/zsh/vendor-completions/_otelcol-tenant",
			"-rw-r--r-- root/root /usr/share/zsh/vendor-completions/_tenantctl",
		},
		gateway: {
			"drwxr-xr-x root/root /etc/otelcol-tenant/",
			"-rw------- root/root /etc/otelcol-tenant/gateway.env",
			"-rw-r----- root/root /etc/otelcol-tenant/gateway.yaml",
			"drwxr-x--- root/root /etc/otelcol-tenant/secrets/",
			"-rw-r--r-- root/root /lib/systemd/system/otelcol-tenant-gateway.service",
			"-rw-r--r-- root/root /usr/share/doc/otelcol-tenant-gateway/changelog.Debian.gz",
			"-rw-r--r-- root/root /usr/share/doc/otelcol-tenant-gateway/changelog.gz",
			"-rw-r--r-- root/root /usr/share/doc/otelcol-tenant-gateway/copyright",
			"-rw-r--r-- root/root /usr/share/lintian/overrides/otelcol-tenant-gateway",
		},
		agent: {
			"drwxr-xr-x root/root /etc/otelcol-tenant/",
			"-rw-r----- root/root /etc/otelcol-tenant/agent.yaml",
			"-rw-r--r-- root/root /lib/systemd/system/otelcol-tenant-agent.service",
			"-rw-r--r-- root/root /usr/share/doc/otelcol-tenant-agent/changelog.Debian.gz",
			"-rw-r--r-- root/root /usr/share/doc/otelcol-tenant-agent/changelog.gz",
			"-rw-r--r-- root/root /usr/share/doc/otelcol-tenant-agent/copyright",
			"-rw-r--r-- root/root /usr/share/lintian/overrides/otelcol-tenant-agent",
		},
	}
	for name, files := range want {
		assert.ElementsMatch(t, files, debFiles(t, packageFile(t, name, "deb")), name)
	}
}

// standard are folders that every system has.
var standard = map[string]bool{
	"/etc/": true, "/usr/": true, "/usr/bin/": true, "/usr/share/": true, "/usr/share/doc/": true, "/usr/share/man/": true, "/usr/share/man/man1/": true,
	"/usr/share/man/man8/": true, "/lib/": true, "/lib/systemd/": true, "/lib/systemd/system/": true, "/usr/share/lintian/": true,
	"/usr/share/lintian/overrides/": true, "/usr/share/bash-completion/": true, "/usr/share/bash-completion/completions/": true,
	"/usr/share/fish/": true, "/usr/share/fish/vendor_completions.d/": true, "/usr/share/zsh/": true, "/usr/share/zsh/vendor-completions/": true,
}

// debFiles lists a Debian package: permissions, owner and path.
func debFiles(t *testing.T, file string) (lines []string) {
	t.Helper()
	for line := range strings.Lines(output(t, command(t, "dpkg-deb", "dpkg"), "--contents", file)) {
		f := strings.Fields(line)
		path := strings.TrimPrefix(f[5], ".")
		switch {
		case standard[path]:
			assert.Equal(t, "drwxr-xr-x root/root", f[0]+" "+f[1], path)
		case strings.HasPrefix(path, "/usr/share/doc/") && strings.HasSuffix(path, "/"):
		default:
			lines = append(lines, f[0]+" "+f[1]+" "+path)
		}
	}
	return lines
}

// The packages for RPM and Alpine have the same files as Debian's, apart from paths that
// differ between the distributions.
func TestPackages_OfAllFormatsAgree(t *testing.T) {
	rpm, tar := command(t, "rpm", "rpm"), command(t, "tar", "tar")
	replace := strings.NewReplacer("/usr/lib/systemd/", "/lib/systemd/", "/usr/share/zsh/site-functions/", "/usr/share/zsh/vendor-completions/")
	for _, name := range []string{base, agent, gateway} {
		want := map[string]bool{}
		for _, line := range debFiles(t, packageFile(t, name, "deb")) {
			path := strings.TrimSuffix(strings.Fields(line)[2], "/")
			if !strings.Contains(path, "/lintian/") && !strings.Contains(path, "changelog.Debian") {
				want[path] = true
			}
		}
		inRPM := map[string]bool{}
		for line := range strings.Lines(output(t, rpm, "-qpl", packageFile(t, name, "rpm"))) {
			if path := replace.Replace(strings.TrimSpace(line)); path != "/usr/share/licenses/"+name+"/LICENSE" {
				inRPM[path] = true
			}
		}
		assert.Equal(t, want, inRPM, "rpm of %s", name)

		inAPK := map[string]bool{}
		for line := range strings.Lines(output(t, tar, "--warning=no-unknown-keyword", "-tzf", packageFile(t, name, "apk"))) {
			path := replace.Replace("/" + strings.TrimSuffix(strings.TrimSpace(line), "/"))
			switch {
			case strings.HasPrefix(path, "/."), standard[path+"/"], strings.HasPrefix(path, "/usr/share/doc/") && strings.HasSuffix(line, "/\n"):
			case path == "/etc/init.d", strings.HasPrefix(path, "/usr/share/zsh/") && strings.HasSuffix(line, "/\n"), strings.HasSuffix(path, "/LICENSE"):
			case path == "/etc/init.d/"+name: // instead of the unit
				inAPK["/lib/systemd/system/"+name+".service"] = true
			default:
				inAPK[path] = true
			}
		}
		assert.Equal(t, want, inAPK, "apk of %s", name)
	}
	assert.Equal(t, "/etc/otelcol-tenant/gateway.env\n/etc/otelcol-tenant/gateway.yaml\n", output(t, rpm, "-qpc", packageFile(t, gateway, "rpm")))
	dump := output(t, rpm, "-qp", "--dump", packageFile(t, gateway, "rpm"))
	assert.Regexp(t, `/etc/otelcol-tenant/gateway.yaml \d+ \d+ \w+ 0100640 root otelcol-tenant-gateway 1 `, dump)
	assert.Regexp(t, `/etc/otelcol-tenant/gateway.env \d+ \d+ \w+ 0100600 root root 1 `, dump)
}

func TestPackages_InstallWithRPM(t *testing.T) {
	rpm := command(t, "rpm", "rpm")
	if os.Geteuid() != 0 {
		missing(t, "root, for rpm --root")
	}
	folder := t.TempDir()
	output(t, rpm, "--root", folder, "--initdb")
	args := []string{"--root", folder, "--install", "--nodeps", "--noscripts"}
	for _, name := range []string{base, agent, gateway} {
		args = append(args, packageFile(t, name, "rpm"))
	}
	output(t, rpm, args...)
	assert.Contains(t, output(t, filepath.Join(folder, "usr/bin/otelcol-tenant"), "--version"), "otelcol-tenant version ")
	config := filepath.Join(folder, "etc/otelcol-tenant/gateway.yaml")
	require.NoError(t, os.WriteFile(config, []byte("# edited\n"), 0o640))
	output(t, rpm, "--root", folder, "--erase", "--nodeps", "--noscripts", base, agent, gateway)
	kept, err := os.ReadFile(config + ".rpmsave")
	require.NoError(t, err, "rpm keeps an edited configuration")
	assert.Equal(t, "# edited\n", string(kept))
	assert.NoFileExists(t, filepath.Join(folder, "usr/bin/otelcol-tenant"))
}

func TestPackages_PassLintian(t *testing.T) {
	lintian := command(t, "lintian", "lintian")
	args := []string{
		"--fail-on", "error,warning", "--allow-root",
		// Debian's archive refuses zstd, for which Debian 12's lintian has no override. dpkg of
		// Debian 12 and Ubuntu 22.04 and later reads it.
		"--suppress-tags", "malformed-deb-archive",
	}
	for _, name := range []string{base, agent, gateway} {
		args = append(args, packageFile(t, name, "deb"))
	}
	out, err := exec.Command(lintian, args...).CombinedOutput()
	assert.NoError(t, err, string(out))
	for line := range strings.Lines(string(out)) {
		assert.False(t, strings.HasPrefix(line, "E:") || strings.HasPrefix(line, "W:"), line)
	}
}
