// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// secretsOf are secrets of all lengths and characters.
var secretsOf = []string{
	"q7z", "k9w2", "x1y2z", "tok3n!", "pa$$w0rd", "gX81qLm0", `a"b\c<d>&e f/g?h=i`, "glsa_Zx81qLm0_Tr9Kw2Yp5Vn3Bs7Hd4Jf6Gc1Mx8Qa",
	"https://collector.example/in/Zx81qLm0Tr9K", "ZGVlcA==+/", "user:pass word+plus%25", strings.Repeat("Zx81qLm0", 300),
}

// disguises are the ways in which a text may repeat a secret.
var disguises = map[string]func(string) string{
	"raw":               func(s string) string { return s },
	"in a sentence":     func(s string) string { return "the token " + s + " is not known" },
	"twice":             func(s string) string { return s + "," + s },
	"upper case":        strings.ToUpper,
	"query":             url.QueryEscape,
	"path":              url.PathEscape,
	"lower escapes":     func(s string) string { return strings.ToLower(url.QueryEscape(s)) },
	"all escaped":       func(s string) string { return each(s, "%%%02X") },
	"all escaped lower": func(s string) string { return each(s, "%%%02x") },
	"escaped twice":     func(s string) string { return url.QueryEscape(url.QueryEscape(s)) },
	"some escaped":      func(s string) string { return fmt.Sprintf("%%%02X", s[0]) + s[1:] },
	"JSON":              func(s string) string { b, _ := json.Marshal(s); return string(b) },
	"JSON in JSON":      func(s string) string { b, _ := json.Marshal(s); c, _ := json.Marshal(string(b)); return string(c) },
	"unicode escapes":   func(s string) string { return each(s, `\u%04x`) },
	"hex escapes":       func(s string) string { return each(s, `\x%02x`) },
	"HTML":              html.EscapeString,
	"HTML numbers":      func(s string) string { return each(s, "&#%d;") },
	"Go syntax":         strconv.Quote,
	"hex":               func(s string) string { return hex.EncodeToString([]byte(s)) },
}

// longDisguises need a secret that is no common word.
var longDisguises = map[string]func(string) string{
	"base64":           func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64 of URLs":   func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"basic":            func(s string) string { return base64.StdEncoding.EncodeToString([]byte("user:" + s)) },
	"base64 at 2":      func(s string) string { return base64.StdEncoding.EncodeToString([]byte("ab" + s + "tail")) },
	"in lines":         func(s string) string { return s[:len(s)/2] + "\r\n  " + s[len(s)/2:] },
	"with dashes":      func(s string) string { return strings.Join(strings.Split(s, ""), "-") },
	"cut short":        func(s string) string { return "token " + s[:len(s)-1] + "…" },
	"beginning alone":  func(s string) string { return "token " + s[:len(s)/2+1] + "..." },
	"end alone":        func(s string) string { return "token …" + s[len(s)/3:] },
	"cut where we cut": func(s string) string { return strings.Repeat(".", maxText-6) + s },
}

func each(s, format string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, format, s[i])
	}
	return b.String()
}

// visible returns what of secret a reader of text could make out.
func visible(text, secret string) string {
	for _, form := range []string{secret, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret))} {
		if strings.Contains(asciiLower(text), asciiLower(form)) {
			return form
		}
	}
	stripped := strip(decode(text))
	for _, s := range []string{strip(secret)} {
		for i := 0; i+minPart <= len(s); i++ {
			if strings.Contains(stripped, s[i:i+minPart]) {
				return s[i : i+minPart]
			}
		}
	}
	return ""
}

func TestScrub(t *testing.T) {
	for _, secret := range secretsOf {
		var s Secrets
		s.Add(secret)
		for name, disguise := range disguises {
			text := "HTTP status 401: " + disguise(secret)
			got := s.Scrub(text)
			require.NotEqual(t, text, got, "%s of %q", name, secret)
			assert.Empty(t, visible(got, secret), "%s of %q became %q", name, secret, got)
		}
		if len(secret) < minPart {
			continue
		}
		for name, disguise := range longDisguises {
			got := s.Scrub(disguise(secret))
			assert.Empty(t, visible(got, secret), "%s of %q became %q", name, secret, got)
		}
	}
}

// A text that says nothing of a secret is shown as it is.
func TestScrub_KeepsOtherTexts(t *testing.T) {
	var s Secrets
	for _, secret := range secretsOf {
		s.Add(secret)
	}
	s.AddValue("application/json")
	s.AddValue("eu")
	for _, text := range []string{
		"HTTP status 401: token expired", "HTTP status 400: invalid stream label {app=\"x\"} in eu", "connection refused", "",
		`{"code":3,"message":"unknown field %2F"}`, "dial tcp 192.0.2.1:443: i/o timeout",
	} {
		assert.Equal(t, text, s.Scrub(text))
	}
	assert.Equal(t, "no "+mask, s.Scrub("no application/json"))
	assert.Equal(t, "the token "+mask+" is not known in eu", s.Scrub("the token glsa_Zx81qLm0_Tr9Kw2Yp5Vn3Bs7Hd4Jf6Gc1Mx8Qa is not known in eu"))
	var none Secrets
	assert.Equal(t, "anything", none.Scrub("anything"))
}

func TestScrub_ShowsNothingBesideATinySecret(t *testing.T) {
	var s Secrets
	s.Add("z")
	assert.Equal(t, NotShown, s.Scrub("fizz"))
	assert.Equal(t, "nothing", s.Scrub("nothing"))
}

func TestScrub_TheBeginningAtACut(t *testing.T) {
	var s Secrets
	s.Add("gX81qLm0")
	assert.Equal(t, "token (hidden)", s.Scrub("token gX81…"))
	assert.Equal(t, "token (hidden)", s.Scrub("token gX8..."))
}

func FuzzScrub(f *testing.F) {
	for _, disguise := range disguises {
		f.Add("gX81qLm0Tr9", "before "+disguise("gX81qLm0Tr9"))
	}
	f.Fuzz(func(t *testing.T, secret, text string) {
		if len(secret) < minReplaced || strings.Contains(NotShown, asciiLower(secret)) || strings.Contains(mask, asciiLower(secret)) {
			return
		}
		var s Secrets
		s.Add(secret)
		got := s.Scrub(text)
		require.False(t, strings.Contains(asciiLower(strings.ReplaceAll(got, mask, "")), asciiLower(secret)) && !strings.Contains(got, mask), "%q in %q", secret, got)
	})
}
