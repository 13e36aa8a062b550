package template

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

func TestCompile_RefusesAnythingElse(t *testing.T) {
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
		"http://exa mple":        "no URL may have",
		"http://[::1":            "not a URL",
		"http://h\\@evil":        "no URL may have",
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
	}}
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

func TestRender_RefusesValuesThatWouldInject(t *testing.T) {
	for _, c := range []struct {
		kind        Kind
		text, value string
		want        string
	}{
		{Header, "{vars.x}", "a\r\nX-Scope-OrgID: b", "control character"},
		{Header, "{vars.x}", "caf\u00e9", "no header may have"},
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
		{HostPort, "{vars.x}", "a/b:1", "host name"},
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
		_, err = tpl.Render(Values{Tenant: "t", Vars: map[string]string{"x": c.value}})
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
		_, err = tpl.Render(Values{Tenant: "t", Vars: map[string]string{"x": "${env:TEMPLATE_TEST_TOKEN}"}})
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

func TestResolve_BoundsFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "big")
	require.NoError(t, os.WriteFile(file, make([]byte, maxReference+1), 0o600))
	_, err := Resolve("${file:" + file + "}")
	assert.ErrorContains(t, err, "larger than")
}

// Whatever a value is, a URL stays on the host that its literal part names, and
// has as many path elements as the template.
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

// Whatever a value is, a header stays one header and a path below its directory.
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
