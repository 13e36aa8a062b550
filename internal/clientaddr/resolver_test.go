// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package clientaddr

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	proxy   = "10.0.0.1"
	unknown = "198.51.100.7"
	client  = "203.0.113.9"
)

func resolver(t testing.TB, header Header, trusted ...string) *Resolver {
	t.Helper()
	if len(trusted) == 0 {
		trusted = []string{"10.0.0.0/8", "2001:db8:ff::/48"}
	}
	nets, err := ParseTrusted(trusted)
	require.NoError(t, err)
	return New(nets, header)
}

func TestResolver_Client(t *testing.T) {
	type headers = map[string][]string
	xff := func(lines ...string) headers { return headers{"X-Forwarded-For": lines} }
	fwd := func(lines ...string) headers { return headers{"Forwarded": lines} }
	for name, tt := range map[string]struct {
		peer    string // default: proxy
		header  Header
		headers headers
		want    string
		outcome Outcome
	}{
		"no header":                       {headers: headers{}, want: proxy, outcome: Missing},
		"an empty header":                 {headers: xff(), want: proxy, outcome: Missing},
		"a peer that is not a proxy":      {peer: unknown, headers: xff(client), want: unknown, outcome: Direct},
		"one hop":                         {headers: xff(client), want: client, outcome: Forwarded},
		"canonical and lower-case names":  {headers: headers{"x-forwarded-for": {client}}, want: client, outcome: Forwarded},
		"two spellings have no order":     {headers: headers{"x-forwarded-for": {client}, "X-Forwarded-For": {unknown}}, want: proxy, outcome: Unclear},
		"what the client claims":          {headers: xff("127.0.0.1, 10.0.0.9, " + client), want: client, outcome: Forwarded},
		"garbage that the client claims":  {headers: xff(`"', ;=,unknown, ` + client), want: client, outcome: Forwarded},
		"two proxies":                     {headers: xff(client + ", 10.1.2.3"), want: client, outcome: Forwarded},
		"several lines":                   {headers: xff("192.0.2.1", client, "10.1.2.3"), want: client, outcome: Forwarded},
		"several lines, an empty one":     {headers: xff(client, "", "10.1.2.3, "), want: client, outcome: Forwarded},
		"all are proxies":                 {headers: xff("10.9.9.9, 10.1.2.3"), want: "10.9.9.9", outcome: Forwarded},
		"an unknown client":               {headers: xff(client + ", unknown"), want: proxy, outcome: Unclear},
		"a proxy after an unknown client": {headers: xff(client + ", unknown, 10.1.2.3"), want: proxy, outcome: Unclear},
		"an empty value":                  {headers: xff(""), want: proxy, outcome: Unclear},
		"a name":                          {headers: xff("client.example"), want: proxy, outcome: Unclear},
		"IPv4 and port":                   {headers: xff(client + ":4711"), want: client, outcome: Forwarded},
		"IPv6":                            {headers: xff("2001:db8::7"), want: "2001:db8::7", outcome: Forwarded},
		"IPv6 in brackets":                {headers: xff("[2001:db8::7]"), want: "2001:db8::7", outcome: Forwarded},
		"IPv6 and port":                   {headers: xff("[2001:db8::7]:443"), want: "2001:db8::7", outcome: Forwarded},
		"IPv6 with zone":                  {headers: xff("fe80::1%eth0"), want: "fe80::1", outcome: Forwarded},
		"IPv4 in IPv6":                    {headers: xff("::ffff:" + client), want: client, outcome: Forwarded},
		"a trusted IPv4 in IPv6":          {headers: xff(client + ", ::ffff:10.2.3.4"), want: client, outcome: Forwarded},
		"a trusted IPv6":                  {peer: "2001:db8:ff::1", headers: xff(client + ", [2001:db8:ff:1::2]:80"), want: client, outcome: Forwarded},
		"half a bracket":                  {headers: xff("[2001:db8::7"), want: proxy, outcome: Unclear},
		"IPv4 in brackets":                {headers: xff("[" + client + "]"), want: proxy, outcome: Unclear},
		"an invalid port":                 {headers: xff(client + ":x"), want: proxy, outcome: Unclear},
		"a colon without a port":          {headers: xff(client + ":"), want: proxy, outcome: Unclear},
		"leading zeros":                   {headers: xff("203.0.113.009"), want: proxy, outcome: Unclear},
		"a long chain of proxies":         {headers: xff(strings.Repeat("10.1.2.3,", 33)), want: proxy, outcome: Unclear},

		"Forwarded":                            {headers: fwd("for=" + client), want: client, outcome: Forwarded},
		"Forwarded, with the rest":             {headers: fwd(`by=10.0.0.1;FOR="` + client + `:80";host=a.example;proto=https`), want: client, outcome: Forwarded},
		"Forwarded, unquoted port":             {headers: fwd("for=" + client + ":80"), want: client, outcome: Forwarded},
		"Forwarded, port of a name":            {headers: fwd(`for="` + client + `:_obf"`), want: client, outcome: Forwarded},
		"Forwarded, IPv6":                      {headers: fwd(`for="[2001:db8::7]:4711"`), want: "2001:db8::7", outcome: Forwarded},
		"Forwarded, two hops":                  {headers: fwd("for=192.0.2.1, for=" + client + ";proto=https, for=10.1.2.3"), want: client, outcome: Forwarded},
		"Forwarded, several lines":             {headers: fwd("for=192.0.2.1", "for="+client, "for=10.1.2.3"), want: client, outcome: Forwarded},
		"Forwarded, an open quote at left":     {headers: fwd(`for="1.2.3.4, for=` + client), want: client, outcome: Forwarded},
		"Forwarded, an escape at left":         {headers: fwd(`for="\, for=` + client), want: client, outcome: Forwarded},
		"Forwarded, a comma in quotes":         {headers: fwd(`for=` + client + `;host="a,for=10.0.0.2"`), want: client, outcome: Forwarded},
		"Forwarded, a semicolon in quotes":     {headers: fwd(`host="a;for=192.0.2.1";for=` + client), want: client, outcome: Forwarded},
		"Forwarded, an escaped quote":          {headers: fwd(`host="a\",for=192.0.2.1";for=` + client), want: client, outcome: Forwarded},
		"Forwarded, unknown":                   {headers: fwd("for=unknown"), want: proxy, outcome: Unclear},
		"Forwarded, obfuscated":                {headers: fwd("for=_hidden"), want: proxy, outcome: Unclear},
		"Forwarded, without for":               {headers: fwd("proto=https"), want: proxy, outcome: Unclear},
		"Forwarded, for twice":                 {headers: fwd("for=" + client + ";for=192.0.2.1"), want: proxy, outcome: Unclear},
		"Forwarded, IPv6 without brackets":     {headers: fwd(`for="2001:db8::7"`), want: "2001:db8::7", outcome: Forwarded},
		"both are equal":                       {headers: headers{"X-Forwarded-For": {client}, "Forwarded": {"for=" + client}}, want: client, outcome: Forwarded},
		"a forged Forwarded":                   {headers: headers{"X-Forwarded-For": {client}, "Forwarded": {"for=127.0.0.1"}}, want: proxy, outcome: Unclear},
		"a garbled Forwarded":                  {headers: headers{"X-Forwarded-For": {client}, "Forwarded": {"x"}}, want: proxy, outcome: Unclear},
		"a forged Forwarded, XFF alone":        {header: HeaderXForwardedFor, headers: headers{"X-Forwarded-For": {client}, "Forwarded": {"for=127.0.0.1"}}, want: client, outcome: Forwarded},
		"a forged X-Forwarded-For":             {header: HeaderForwarded, headers: headers{"X-Forwarded-For": {"127.0.0.1"}, "Forwarded": {"for=" + client}}, want: client, outcome: Forwarded},
		"X-Real-IP is not read by itself":      {headers: headers{"X-Real-Ip": {client}}, want: proxy, outcome: Missing},
		"X-Real-IP":                            {header: HeaderXRealIP, headers: headers{"X-Real-Ip": {client}, "X-Forwarded-For": {"127.0.0.1"}}, want: client, outcome: Forwarded},
		"X-Real-IP of a proxy":                 {header: HeaderXRealIP, headers: headers{"X-Real-Ip": {"10.1.2.3"}}, want: "10.1.2.3", outcome: Forwarded},
		"two X-Real-IP":                        {header: HeaderXRealIP, headers: headers{"X-Real-Ip": {"10.1.2.3", "10.1.2.3"}}, want: proxy, outcome: Unclear},
		"X-Forwarded-For where it is not read": {header: HeaderForwarded, headers: xff(client), want: proxy, outcome: Missing},
	} {
		t.Run(name, func(t *testing.T) {
			peer := tt.peer
			if peer == "" {
				peer = proxy
			}
			got, outcome := resolver(t, tt.header).Client(netip.MustParseAddr(peer), tt.headers)
			assert.Equal(t, tt.want, got.String())
			assert.Equal(t, tt.outcome, outcome)
		})
	}
}

func TestResolver_TrustsNoProxyByDefault(t *testing.T) {
	for _, r := range []*Resolver{nil, {}, New(nil, HeaderAuto)} {
		got, outcome := r.Client(netip.MustParseAddr(proxy), map[string][]string{"X-Forwarded-For": {client}})
		assert.Equal(t, proxy, got.String())
		assert.Equal(t, Direct, outcome)
	}
	got, outcome := resolver(t, HeaderAuto).Client(netip.Addr{}, map[string][]string{"X-Forwarded-For": {client}})
	assert.False(t, got.IsValid(), "a connection without an IP address is not from a trusted proxy")
	assert.Equal(t, Direct, outcome)
}

func TestParseTrusted(t *testing.T) {
	got, err := ParseTrusted([]string{"10.1.2.3/8", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.0/120", "fe80::1%eth0"})
	require.NoError(t, err)
	var texts []string
	for _, p := range got {
		texts = append(texts, p.String())
	}
	assert.Equal(t, []string{"10.0.0.0/8", "192.0.2.1/32", "2001:db8::1/128", "192.0.2.0/24", "fe80::1/128"}, texts)
	_, err = ParseTrusted([]string{"10.0.0.0/8", "proxy.example", "0.0.0.0/0", "::/0", "", "10.0.0.0/33"})
	for _, want := range []string{`[1]: "proxy.example" is not an address`, `[2]: "0.0.0.0/0" matches every address`, `[3]: "::/0" matches every address`, `[4]: ""`, `[5]: "10.0.0.0/33"`} {
		assert.ErrorContains(t, err, want)
	}
}

func TestHeader_Validate(t *testing.T) {
	for _, h := range []Header{"", HeaderAuto, HeaderForwarded, HeaderXForwardedFor, HeaderXRealIP} {
		assert.NoError(t, h.Validate())
	}
	assert.ErrorContains(t, Header("X-Forwarded-For").Validate(), `must be auto, forwarded, x-forwarded-for or x-real-ip, got "X-Forwarded-For"`)
}

func TestOf(t *testing.T) {
	assert.Equal(t, netip.MustParseAddr("192.0.2.1"), Of(&net.IPAddr{IP: net.ParseIP("::ffff:192.0.2.1")}))
	assert.Equal(t, netip.MustParseAddr("fe80::1"), Of(&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}))
	assert.False(t, Of(&net.UnixAddr{Name: "/run/x.sock"}).IsValid())
	assert.False(t, Of(nil).IsValid())
	assert.False(t, Of(&net.IPAddr{}).IsValid())
}

// FuzzResolver_ClientCannotChoose sends headers of a client through one trusted proxy.
func FuzzResolver_ClientCannotChoose(f *testing.F) {
	for _, s := range []string{"", "127.0.0.1", `for="`, `for="\`, "for=10.0.0.1,", ",,,", `"`, `\"`, "[::1", strings.Repeat("10.0.0.1,", 40)} {
		f.Add(s, false)
		f.Add(s, true)
	}
	r := New([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, HeaderXForwardedFor)
	rf := New([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, HeaderForwarded)
	want, peer := netip.MustParseAddr(client), netip.MustParseAddr(proxy)
	f.Fuzz(func(t *testing.T, claim string, line bool) {
		for name, r := range map[string]*Resolver{"X-Forwarded-For": r, "Forwarded": rf} {
			added := client
			if name == "Forwarded" {
				added = "for=" + client
			}
			values := []string{claim + ", " + added}
			if line {
				values = []string{claim, added}
			}
			got, outcome := r.Client(peer, http.Header{name: values})
			if got != want || outcome != Forwarded {
				t.Fatalf("%s: %q is taken for %v", name, values, got)
			}
		}
	})
}

// FuzzResolver_Terminates calls the resolver with any header values.
func FuzzResolver_Terminates(f *testing.F) {
	f.Add(`for="[2001:db8::7]:80";proto=https, for=10.0.0.2`, `for=10.0.0.3`)
	f.Fuzz(func(t *testing.T, one, two string) {
		peer := netip.MustParseAddr(proxy)
		for _, header := range []Header{HeaderAuto, HeaderForwarded, HeaderXForwardedFor, HeaderXRealIP} {
			got, outcome := resolver(t, header).Client(peer, http.Header{"Forwarded": {one, two}, "X-Forwarded-For": {two, one}, "X-Real-Ip": {one}})
			if outcome != Forwarded && got != peer || !got.IsValid() || got.Zone() != "" || got.Is4In6() {
				t.Fatalf("%q, %q: %v, %v", one, two, got, outcome)
			}
		}
	})
}

func BenchmarkResolver_Client(b *testing.B) {
	r := resolver(b, HeaderAuto)
	peer := netip.MustParseAddr(proxy)
	h := http.Header{
		"Authorization": {"Bearer x"}, "Content-Type": {"application/x-protobuf"}, "Content-Encoding": {"gzip"}, "User-Agent": {"otel"},
		"X-Forwarded-For": {client + ", 10.1.2.3"}, "X-Forwarded-Proto": {"https"},
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Client(peer, h)
	}
}
