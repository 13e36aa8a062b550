// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package redact removes secrets from text of other programs: a backend may quote
// the token that it rejects, and errors of the network quote addresses.
//
// It replaces a secret in the encodings in which programs repeat one. If a text still
// resembles a secret after that, nothing of the text is shown.
package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	// mask replaces a secret.
	mask = "(hidden)"

	// NotShown replaces a whole text.
	NotShown = "(not shown: it repeats a secret of the destination)"

	// minPart is the length from which a part of a secret counts as the secret:
	// texts are cut in the middle and broken into lines.
	minPart = 8

	// minStripped is the length from which a secret is also found with other
	// characters between its characters. Shorter ones could match other text.
	minStripped = 6

	// minReplaced is the length from which a secret is replaced. Nothing of a text
	// with a shorter secret is shown.
	minReplaced = 3

	// maxCompared bounds how much of each end of a secret is searched for in parts.
	maxCompared = 1024

	// maxText bounds how much of a text is searched and shown.
	maxText = 4096
)

// Secrets are texts that must not be shown. The zero value has none. Add all secrets
// before several goroutines use it.
type Secrets struct {
	secrets []string // for example the values of references
	values  []string // for example of headers; found only as a whole
}

// Add adds a secret.
func (s *Secrets) Add(secret string) {
	if secret != "" && !slices.Contains(s.secrets, secret) {
		s.secrets = append(s.secrets, secret)
	}
}

// AddValue adds a text that is probably a secret, but no reason to show nothing of a
// text. Values shorter than minPart are ignored, since they may be common words.
func (s *Secrets) AddValue(value string) {
	if len(value) >= minPart && !slices.Contains(s.values, value) {
		s.values = append(s.values, value)
	}
}

// AddAll adds the secrets and values of other.
func (s *Secrets) AddAll(other *Secrets) {
	for _, secret := range other.secrets {
		s.Add(secret)
	}
	for _, value := range other.values {
		s.AddValue(value)
	}
}

// Scrub returns at most 4 KiB of text without the secrets.
func (s *Secrets) Scrub(text string) string {
	cut := len(text) > maxText
	if cut {
		text = text[:maxText]
	}
	if len(s.secrets) == 0 && len(s.values) == 0 {
		return text
	}
	for _, secret := range s.secrets {
		if len(secret) < minReplaced && strings.Contains(text, secret) {
			return NotShown
		}
	}
	all := append(slices.Clone(s.secrets), s.values...)
	slices.SortStableFunc(all, func(a, b string) int { return len(b) - len(a) })
	for _, secret := range all {
		if len(secret) < minReplaced {
			continue
		}
		for _, form := range forms(secret) {
			text = replaceFold(text, form)
		}
	}
	text = s.trimPart(text, cut)
	if s.resembles(text) {
		return NotShown
	}
	return text
}

// trimPart hides the beginning of a secret at the end of a text that was cut off, here
// or by its author.
func (s *Secrets) trimPart(text string, cut bool) string {
	body := strings.TrimRight(text, ".… ")
	if !cut && body == text {
		return text
	}
	lower := asciiLower(body)
	for _, secret := range s.secrets {
		for _, form := range forms(secret) {
			form = asciiLower(form)
			for n := min(len(form)-1, len(lower)); n >= minReplaced; n-- {
				if strings.HasSuffix(lower, form[:n]) {
					return body[:len(body)-n] + mask
				}
			}
		}
	}
	return text
}

// resembles reports whether text has parts of a secret in any encoding.
func (s *Secrets) resembles(text string) bool {
	if len(s.secrets) == 0 {
		return false
	}
	text = strings.ReplaceAll(text, mask, "\n")
	decoded := decode(text)
	lower, stripped := asciiLower(decoded), strip(decoded)
	raw := strip(text)
	for _, secret := range s.secrets {
		if len(secret) >= minReplaced && strings.Contains(lower, asciiLower(secret)) {
			return true
		}
		parts := make(map[string]struct{})
		for _, form := range forms(secret) {
			addParts(parts, strip(form))
		}
		if hasPart(stripped, parts) || hasPart(raw, parts) {
			return true
		}
		if c := strip(secret); len(c) >= minStripped && len(c) < minPart && (strings.Contains(stripped, c) || strings.Contains(raw, c)) {
			return true
		}
	}
	return false
}

// forms returns the encodings in which programs write secret.
func forms(secret string) []string {
	list := []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), (&url.URL{Path: secret}).EscapedPath(),
		html.EscapeString(secret), hex.EncodeToString([]byte(secret)),
		strings.Trim(strconv.Quote(secret), `"`), strings.Trim(strconv.QuoteToASCII(secret), `"`),
	}
	if text, err := json.Marshal(secret); err == nil {
		list = append(list, strings.Trim(string(text), `"`))
	}
	// The characters of base64 that depend only on the secret, at each of its three
	// possible offsets.
	for before := range 3 {
		data := append(make([]byte, before), secret...)
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := enc.EncodeToString(data)
			first := (before*8 + 5) / 6
			last := len(data) * 8 / 6
			if last-first >= minStripped {
				list = append(list, text[first:last])
			}
		}
	}
	slices.SortStableFunc(list, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(list)
}

// decode removes escapes from a text, up to three times: it may be escaped more than
// once.
func decode(text string) string {
	for range 3 {
		next := html.UnescapeString(unescape(text))
		if next == text {
			break
		}
		text = next
	}
	return text
}

// unescape decodes %XX, =XX, \xXX and \uXXXX, and removes a backslash before any other
// character. Everything else stays.
func unescape(text string) string {
	if !strings.ContainsAny(text, `%=\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		skip, digits := 0, 0
		switch rest := text[i:]; {
		case rest[0] == '%' || rest[0] == '=':
			skip, digits = 1, 2
		case strings.HasPrefix(rest, `\x`):
			skip, digits = 2, 2
		case strings.HasPrefix(rest, `\u`):
			skip, digits = 2, 4
		case rest[0] == '\\' && len(rest) > 1:
			continue
		}
		if end := i + skip + digits; digits > 0 && end <= len(text) {
			if n, err := strconv.ParseUint(text[i+skip:end], 16, 32); err == nil {
				b.WriteRune(rune(n))
				i = end - 1
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// strip keeps letters, in lower case, and digits of ASCII, so that case, quotes, line
// breaks and separators do not matter.
func strip(text string) string {
	b := make([]byte, 0, len(text))
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			b = append(b, c)
		case 'A' <= c && c <= 'Z':
			b = append(b, c+'a'-'A')
		case c == '\n':
			b = append(b, c) // text on both sides of a mask is not joined
		}
	}
	return string(b)
}

func addParts(parts map[string]struct{}, text string) {
	ends := []string{text}
	if len(text) > 2*maxCompared {
		ends = []string{text[:maxCompared], text[len(text)-maxCompared:]}
	}
	for _, end := range ends {
		for i := 0; i+minPart <= len(end); i++ {
			parts[end[i:i+minPart]] = struct{}{}
		}
	}
}

func hasPart(text string, parts map[string]struct{}) bool {
	for i := 0; i+minPart <= len(text); i++ {
		if _, ok := parts[text[i:i+minPart]]; ok {
			return true
		}
	}
	return false
}

// replaceFold replaces form in text, in any case of its ASCII letters.
func replaceFold(text, form string) string {
	lower, form := asciiLower(text), asciiLower(form)
	if form == "" || !strings.Contains(lower, form) {
		return text
	}
	var b strings.Builder
	for {
		i := strings.Index(lower, form)
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:i])
		b.WriteString(mask)
		text, lower = text[i+len(form):], lower[i+len(form):]
	}
}

// asciiLower keeps the length of text, which strings.ToLower does not.
func asciiLower(text string) string {
	b := []byte(text)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
