// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package template

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/reference"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestCompile_RejectsAnythingElse(t *testing.T) {
	for text, want := range map[string]string{
		"{":                  `"{" without "}"`,
		"a}b":                `"}" without "{"`,
		"{}":                 "{} is not known",
		"{tenant":            `"{" without "}"`,
		"{Tenant}":           "only {tenant} and {vars.<name>}",
		"{vars.}":            "{vars.} is not known",
		"{vars.a.b}":         "{vars.a.b} is not known",
		"{vars.a b}":         "is not known",
		"{env.HOME}":         "is not known",
		"{tenant }":          "is not known",
		"{{tenant}}":         "is not known",
		"x\r\nevil: 1":       "control characters",
		"{vars.x}\r\nevil:1": "control characters",
	} {
		_, err := Compile(Header, text)
		assert.ErrorContains(t, err, want, text)
	}
	for text, want := range map[string]string{
		"ftp://h":                "http://",
		"http://user:pw@h":       "user name",
		"http://":                "host name",
		"http://h:0":             "port",
		"http://h/a/../b":        `".."`,
		"http://h/%2e%2e/b":      `".."`,
		"http://h/x#y":           `"#"`,
		"http://exa mple":        "not allowed in a URL",
		"http://[::1":            "not a URL",
		"http://h\\@evil":        "not allowed in a URL",
		"{vars.x":                `"{" without "}"`,
		"http://h_o.x-y.z:1/a?b": "",
		"https://[::1]:4318/v1":  "",
	} {
		_, err := Compile(URL, text)
		if want == "" {
			assert.NoError(t, err, text)
			continue
		}
		assert.ErrorContains(t, err, want, text)
	}
}

func TestRender(t *testing.T) {
	t.Setenv("TEMPLATE_TEST_TOKEN", "s3cret")
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("from-file\n"), 0o600))
	v := Values{Tenant: "tenant-a", Vars: map[string]string{
		"url": "https://b.example:8443/base", "host": "b.example", "addr": "b.example:4317", "token": "${env:TEMPLATE_TEST_TOKEN}",
		"file": "Bearer ${file:" + file + "}", "dir": "/data/a", "literal": "{tenant}", "account": "42",
	}, References: &reference.Policy{Directories: []string{filepath.Dir(file)}, EnvPrefixes: []string{"TEMPLATE_TEST_"}}}
	for _, c := range []struct {
		kind       Kind
		text, want string
	}{
		{Header, "fixed", "fixed"},
		{Header, "{tenant}", "tenant-a"},
		{Header, "Bearer {vars.token}", "Bearer s3cret"},
		{Header, "{vars.file}", "Bearer from-file"},
		{Header, "{vars.literal}", "{tenant}"},
		{URL, "{vars.url}", "https://b.example:8443/base"},
		{URL, "{vars.url}/{tenant}/x", "https://b.example:8443/base/tenant-a/x"},
		{URL, "http://{vars.host}:80/{tenant}", "http://b.example:80/tenant-a"},
		{URL, "http://{tenant}.example/a?id={vars.account}", "http://tenant-a.example/a?id=42"},
		{HostPort, "{vars.addr}", "b.example:4317"},
		{HostPort, "{tenant}.example:4317", "tenant-a.example:4317"},
		{HostPort, "dns:///{vars.host}:4317", "dns:///b.example:4317"},
		{Path, "{vars.dir}/x", "/data/a/x"},
		{Path, "./data/{tenant}", "./data/tenant-a"},
		{Text, "{vars.url}", "https://b.example:8443/base"},
	} {
		tpl, err := Compile(c.kind, c.text)
		require.NoError(t, err, c.text)
		got, err := tpl.Render(v)
		require.NoError(t, err, c.text)
		assert.Equal(t, c.want, got)
		assert.NoError(t, tpl.Check(v))
	}
}

// open is a policy for what tests refer to.
var open = &reference.Policy{Directories: []string{"/does/not"}, EnvPrefixes: []string{"TEMPLATE_TEST_"}}

func TestRender_RejectsValuesThatWouldInject(t *testing.T) {
	for _, c := range []struct {
		kind        Kind
		text, value string
		want        string
	}{
		{Header, "{vars.x}", "a\r\nX-Scope-OrgID: b", "control character"},
		{Header, "{vars.x}", "caf\u00e9", "not allowed in a header"},
		{Header, "{vars.x}", "", "is empty"},
		{URL, "http://h/{vars.x}", "a/b", "may hold only"},
		{URL, "http://h/{vars.x}", "..", "may hold only"},
		{URL, "http://h/{vars.x}", "a?b", "may hold only"},
		{URL, "http://h/{vars.x}", "%2e%2e", "may hold only"},
		{URL, "http://{vars.x}.example/", "evil/", "may hold only"},
		{URL, "http://{vars.x}.example/", "evil@", "may hold only"},
		{URL, "http://{vars.x}.example/", "evil:80", "may hold only"},
		{URL, "http://{vars.x}/", "it's", "no valid host"},
		{URL, "http://h/.{vars.x}", ".", "may hold only"},
		{URL, "{vars.x}/p", "file:///etc", "http://"},
		{URL, "{vars.x}/p", "http://a@b", "user name"},
		{URL, "{vars.x}/p", "http://h/#", `"#"`},
		{URL, "{vars.x}", "http://h/a/../b", `".."`},
		{URL, "{vars.x}", "http://h\n", "control character"},
		{HostPort, "{vars.x}", "h", "needs a port"},
		{HostPort, "{vars.x}", "h:99999", "no valid port"},
		{HostPort, "{vars.x}", "a/b:1", "must be host:port"},
		{HostPort, "{vars.x}", "unix:///run/docker.sock", "must be host:port"},
		{HostPort, "{vars.x}", "unix:/run/docker.sock", "must be host:port"},
		{HostPort, "{vars.x}", "unix-abstract:x", "no valid port"},
		{HostPort, "{vars.x}", "passthrough:///127.0.0.1:4317", "must be host:port"},
		{HostPort, "{vars.x}", "dns:///backend:4317", "must be host:port"},
		{HostPort, "{vars.x}", "dns:backend:4317", "host name"},
		{HostPort, "{vars.x}", "dns://resolver/backend:4317", "must be host:port"},
		{HostPort, "{vars.x}", "xds:///backend:4317", "must be host:port"},
		{HostPort, "{vars.x}", "file:/etc/passwd", "must be host:port"},
		{HostPort, "{vars.x}", "ipv4:127.0.0.1:4317", "host name"},
		{HostPort, "{vars.x}", "http://dns:///b:4317", "must be host:port"},
		{HostPort, "{vars.x}", "${env:TEMPLATE_TEST_ADDRESS}", "must not be a reference"},
		{HostPort, "{vars.x}.example:1", "${env:TEMPLATE_TEST_ADDRESS}", "must not be a reference"},
		{Name, "{vars.x}", "${env:TEMPLATE_TEST_ADDRESS}", "must not be a reference"},
		{URL, "{vars.x}", "file:///etc/passwd", "http://"},
		{URL, "{vars.x}", "unix:///run/docker.sock", "http://"},
		{File, "{vars.x}", "/etc/shadow", "references::directories"},
		{File, "{vars.x}/tls.key", "/etc/otelcol", "references::directories"},
		{File, "/etc/{vars.x}", "../shadow", "may hold only"},
		{Header, "{vars.x}", "${env:HOME}", "references::env_prefixes"},
		{Header, "{vars.x}", "${file:/etc/passwd}", "references::directories"},
		{HostPort, "{vars.x}:4317", "a:1", "host name"},
		{HostPort, "h:{vars.x}", "1/2", "may hold only"},
		{Path, "/data/{vars.x}", "../b", "may hold only"},
		{Path, "{vars.x}", "/data/../b", `".."`},
		{Path, "{vars.x}", "/data/\x00", "control character"},
		{Text, "a{vars.x}", "b c", "may hold only"},
		{Text, "{vars.x}", "a\nb", "control character"},
		{Header, "{vars.x}", "${env:TEMPLATE_TEST_UNSET}", "is not set"},
		{Header, "{vars.x}", "${file:/does/not/exist}", "no such file"},
		{Header, "{vars.x}", "${http://x}", "neither"},
		{Header, "{vars.x}", "${env:X", `without "}"`},
	} {
		tpl, err := Compile(c.kind, c.text)
		require.NoError(t, err, c.text)
		_, err = tpl.Render(Values{Tenant: "t", Vars: map[string]string{"x": c.value}, References: open})
		assert.ErrorContains(t, err, c.want, "%s with %q", c.text, c.value)
	}
}

func TestRender_NamesAMissingVariable(t *testing.T) {
	tpl, err := Compile(URL, "{vars.loki}/x")
	require.NoError(t, err)
	_, err = tpl.Render(Values{Tenant: "t"})
	assert.EqualError(t, err, "vars.loki: the tenant has no such variable")
	assert.EqualError(t, tpl.Check(Values{Tenant: "t"}), "vars.loki: the tenant has no such variable")
}

func TestRender_ErrorsDoNotQuoteValues(t *testing.T) {
	t.Setenv("TEMPLATE_TEST_TOKEN", "s3cret\n")
	for kind, text := range map[Kind]string{Header: "{vars.x}", URL: "{vars.x}", HostPort: "{vars.x}", Path: "a/{vars.x}", Text: "{vars.x}"} {
		tpl, err := Compile(kind, text)
		require.NoError(t, err)
		_, err = tpl.Render(Values{Tenant: "t", Vars: map[string]string{"x": "${env:TEMPLATE_TEST_TOKEN}"}, References: open})
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "s3cret")
	}
}

func TestKey_HoldsNoSecret(t *testing.T) {
	t.Setenv("TEMPLATE_TEST_TOKEN", "s3cret")
	tpl, err := Compile(Header, "{tenant} {vars.x}")
	require.NoError(t, err)
	a := Values{Tenant: "a", Vars: map[string]string{"x": "${env:TEMPLATE_TEST_TOKEN}"}}
	assert.NotContains(t, tpl.Key(a), "s3cret")
	assert.True(t, tpl.Secret(a))
	b := Values{Tenant: "a", Vars: map[string]string{"x": "other"}}
	assert.NotEqual(t, tpl.Key(a), tpl.Key(b))
	assert.False(t, tpl.Secret(b))
}

func TestRenderNoting_NamesSecrets(t *testing.T) {
	t.Setenv("TEMPLATE_TEST_TOKEN", "s3cret")
	v := Values{Tenant: "t", References: open, Vars: map[string]string{
		"token": "${env:TEMPLATE_TEST_TOKEN}", "both": "Bearer ${env:TEMPLATE_TEST_TOKEN}", "api_key": "in-clear", "region": "eu",
	}}
	for text, want := range map[string][]string{
		"http://h/{vars.token}?a={vars.region}": {"s3cret"}, "http://h/{vars.api_key}": {"in-clear"}, "http://h/{vars.region}/{tenant}": nil,
	} {
		tpl, err := Compile(URL, text)
		require.NoError(t, err)
		var got []string
		_, err = tpl.RenderNoting(v, func(s string) { got = append(got, s) })
		require.NoError(t, err)
		assert.Equal(t, want, got, text)
		assert.Equal(t, want != nil, tpl.Sensitive(v), text)
	}
}

func TestOwnHost(t *testing.T) {
	for text, want := range map[string]bool{
		"{vars.x}": true, "{vars.x}/v1/logs?token={vars.y}": true, "http://{vars.x}": true, "http://{vars.x}:4318/p": true,
		"http://{vars.x}.example/p": true, "http://a.{vars.x}/p": true, "https://{tenant}.{vars.x}/": true, "http://a-{tenant}{vars.x}": true,
		"http://{tenant}:4318": true, "http://{tenant}/": true, "http://a.{tenant}": true,
		"http://h": false, "http://h/{vars.x}": false, "http://h?x={vars.x}": false, "http://h:{vars.x}/": false, "http://[::1]:{vars.x}/": false,
		"http://{tenant}.example/{vars.x}": false, "http://{tenant}.example:{vars.x}": false, "https://h:1/{tenant}/{vars.x}": false,
	} {
		tpl, err := Compile(URL, text)
		require.NoError(t, err, text)
		assert.Equal(t, want, tpl.OwnHost(), text)
	}
	for text, want := range map[string]bool{
		"{vars.x}": true, "{vars.x}:4317": true, "dns:///{vars.x}:4317": true, "passthrough:///{vars.x}:1": true, "http://{vars.x}:1": true, "{tenant}:4317": true,
		"h:4317": false, "h:{vars.x}": false, "{tenant}.example:4317": false, "unix:///run/{vars.x}": false, "dns:///h:{vars.x}": false,
	} {
		tpl, err := Compile(HostPort, text)
		require.NoError(t, err, text)
		assert.Equal(t, want, tpl.OwnHost(), text)
	}
}

// For every value, a URL has the host of its literal part and as many path elements as the
// template.
func FuzzRender_URL(f *testing.F) {
	for _, s := range []string{"a", "a/b", "..", "%2e%2e", "a@b", "a:b", "?x", "#x", "\\", "a\r\nb", "${env:X}", "\x00", "é", "."} {
		f.Add(s, s)
	}
	fixed, err := Compile(URL, "http://backend.example:3100/{tenant}/x/{vars.v}/push")
	if err != nil {
		f.Fatal(err)
	}
	sub, err := Compile(URL, "http://{vars.v}.backend.example:3100/{tenant}")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, id, value string) {
		v := Values{Tenant: tenant.ID(id), Vars: map[string]string{"v": value}}
		if out, err := fixed.Render(v); err == nil {
			u, err := url.Parse(out)
			require.NoError(t, err)
			require.Equal(t, "backend.example:3100", u.Host)
			require.Equal(t, []string{"", id, "x", u.Path[len(id)+4 : len(u.Path)-5], "push"}, strings.Split(u.Path, "/"))
			require.Empty(t, u.RawQuery)
			require.Empty(t, u.Fragment)
			require.Nil(t, u.User)
		}
		if out, err := sub.Render(v); err == nil {
			u, err := url.Parse(out)
			require.NoError(t, err)
			require.True(t, strings.HasSuffix(u.Host, ".backend.example:3100"), u.Host)
			require.Equal(t, "/"+id, u.Path)
		}
	})
}

// For every value, a header is one header, and a path is below its directory.
func FuzzRender_HeaderAndPath(f *testing.F) {
	for _, s := range []string{"a", "a\r\nb: c", "../..", "/etc/passwd", "\x00", "..", "a/b"} {
		f.Add(s)
	}
	header, err := Compile(Header, "Bearer {vars.v}")
	if err != nil {
		f.Fatal(err)
	}
	path, err := Compile(Path, "/data/{tenant}/{vars.v}/x")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, value string) {
		v := Values{Tenant: "t", Vars: map[string]string{"v": value}}
		if out, err := header.Render(v); err == nil {
			require.False(t, strings.ContainsFunc(out, func(r rune) bool { return r < ' ' || r > '~' }), "%q", out)
		}
		if out, err := path.Render(v); err == nil {
			require.Equal(t, out, filepath.Clean(out))
			require.Equal(t, 4, strings.Count(out, "/"))
			require.True(t, strings.HasPrefix(out, "/data/t/"))
		}
	})
}

func TestRender_TenantHeaders(t *testing.T) {
	t.Setenv("TEMPLATE_TEST_ORG", "a|b")
	v := Values{Tenant: "tenant-a", Vars: map[string]string{
		"org": "org-1", "several": "a|b", "blank": " ", "space": "a ", "empty": "", "number": "42", "text": "abc", "large": "4294967296", "euro": "a€",
		"two": "a\nb", "ref": "${env:TEMPLATE_TEST_ORG}", "mimir": "__mimir_cluster",
	}, References: &reference.Policy{EnvPrefixes: []string{"TEMPLATE_TEST_"}}}
	for _, c := range []struct {
		kind       Kind
		text, want string // want is an error if it has a colon and a space
	}{
		{ScopeOrgID, "{tenant}", "tenant-a"},
		{ScopeOrgID, "{vars.org}", "org-1"},
		{ScopeOrgID, "x-{vars.org}-{tenant}", "x-org-1-tenant-a"},
		{ScopeOrgID, "{vars.several}", "vars.several: must be a tenant ID"},
		{ScopeOrgID, "x{vars.several}", "error: must be a tenant ID"},
		{ScopeOrgID, "{vars.blank}", "vars.blank: must be a tenant ID"},
		{ScopeOrgID, "{vars.empty}", "vars.empty: is empty"},
		{ScopeOrgID, "{vars.missing}", "vars.missing: the tenant has no such variable"},
		{ScopeOrgID, "{vars.euro}", "vars.euro: must be a tenant ID"},
		{ScopeOrgID, "{vars.two}", "vars.two: has a control character"},
		{ScopeOrgID, "{vars.ref}", "vars.ref: must be a tenant ID"},
		{ScopeOrgID, "{vars.mimir}", "vars.mimir: must not be __mimir_cluster"},
		{Account, "{vars.number}", "42"},
		{Account, "1{vars.number}", "142"},
		{Account, "{vars.text}", "vars.text: must be a whole number"},
		{Account, "{vars.large}", "vars.large: must be a whole number"},
		{Account, "{vars.blank}", "vars.blank: must be a whole number"},
		{Account, "{vars.empty}", "vars.empty: is empty"},
		{Account, "{tenant}", "error: must be a whole number"},
		{Header, "{vars.several}", "a|b"},
		{Header, "{vars.blank}", "vars.blank: begins or ends with a space"},
		{Header, "{vars.space}", "vars.space: begins or ends with a space"},
		{Header, "Bearer {vars.empty}", "vars.empty: is empty"},
		{Header, "{vars.euro}", "vars.euro: has a character that is not allowed in a header"},
		{Header, "{vars.two}", "vars.two: has a control character"},
		{URL, "http://h/{vars.several}", "vars.several: may hold only"},
		{URL, "http://h/{vars.blank}", "vars.blank: may hold only"},
	} {
		tpl, err := Compile(c.kind, c.text)
		require.NoError(t, err, c.text)
		got, err := tpl.Render(v)
		if want, fails := strings.CutPrefix(c.want, "error: "); fails || strings.Contains(c.want, ": ") {
			assert.ErrorContains(t, err, want, c.text)
			assert.Empty(t, got)
			if !tpl.Secret(v) {
				assert.ErrorContains(t, tpl.Check(v), want, c.text)
			}
			continue
		}
		require.NoError(t, err, c.text)
		assert.Equal(t, c.want, got)
		assert.NoError(t, tpl.Check(v), c.text)
	}
	for kind, texts := range map[Kind][]string{ScopeOrgID: {"", " ", "a|b", "a b"}, Account: {"", "abc", "-1"}} {
		for _, text := range texts {
			_, err := Compile(kind, text)
			assert.Error(t, err, "%q in the configuration itself", text)
		}
	}
}
