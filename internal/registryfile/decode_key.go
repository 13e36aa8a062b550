package registryfile

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// keyFields lists the keys of a bearer key in the order in which they are
// written.
var keyFields = []string{"id", "sha256", "scopes", "created_at", "not_before", "expires_at", "revoked_at", "source_cidrs", "origins", "description"}

func (d *decoder) key(n *node, path string) *tenant.Key {
	out := &tenant.Key{}
	missing := []string{"id", "sha256", "scopes"}
	ok := d.mapping(n, path, func(key string, k, v *node) {
		at := path + "." + key
		if i := slices.Index(missing, key); i >= 0 {
			missing = slices.Delete(missing, i, i+1)
		}
		switch key {
		case "id":
			out.ID = d.text(v, at)
			if err := checkKeyID(out.ID); err != nil {
				d.fault(v, at, "%v", err)
			}
		case "sha256":
			out.Digest = d.digest(v, at)
		case "scopes":
			out.Scopes = d.scopes(v, at)
		case "created_at":
			out.CreatedAt = d.time(v, at)
		case "not_before":
			out.NotBefore = d.time(v, at)
		case "expires_at":
			out.ExpiresAt = d.time(v, at)
		case "revoked_at":
			out.RevokedAt = d.time(v, at)
		case "source_cidrs":
			if d.sequence(v, at, func(i int, v *node) {
				out.SourceCIDRs = append(out.SourceCIDRs, d.prefix(v, fmt.Sprintf("%s[%d]", at, i)))
			}) && len(v.content) == 0 {
				d.fault(v, at, "must name at least one range; leave it out to let the key come from anywhere")
			}
		case "origins":
			d.sequence(v, at, func(i int, v *node) {
				out.Origins = append(out.Origins, d.origin(v, fmt.Sprintf("%s[%d]", at, i)))
			})
		case "description":
			out.Description = d.text(v, at)
		default:
			d.fault(k, at, "unknown key, want one of %s", strings.Join(keyFields, ", "))
		}
	})
	if ok && len(missing) > 0 {
		d.fault(n, path, "%s is required", strings.Join(missing, ", "))
	}
	if !out.ExpiresAt.IsZero() && !out.NotBefore.IsZero() && !out.ExpiresAt.After(out.NotBefore) {
		d.fault(n, path, "expires_at must be after not_before")
	}
	return out
}

func (d *decoder) digest(n *node, path string) tenant.Digest {
	var digest tenant.Digest
	text := d.text(n, path)
	if text == "" {
		return digest
	}
	if raw, err := hex.DecodeString(text); err == nil && len(raw) == len(digest) {
		copy(digest[:], raw)
		if digest != (tenant.Digest{}) {
			return digest
		}
	}
	d.fault(n, path, "must be the SHA-256 of the key, 64 hexadecimal digits")
	return digest
}

func (d *decoder) scopes(n *node, path string) tenant.Signals {
	var signals []tenant.Signal
	if !d.sequence(n, path, func(i int, v *node) {
		signal, err := tenant.ParseSignal(d.text(v, path))
		if err != nil {
			d.fault(v, fmt.Sprintf("%s[%d]", path, i), "%v", err)
			return
		}
		signals = append(signals, signal)
	}) {
		return 0
	}
	if len(n.content) == 0 {
		d.fault(n, path, "must name at least one of logs, metrics, traces")
	}
	return tenant.NewSignals(signals...)
}

func (d *decoder) time(n *node, path string) time.Time {
	text := d.text(n, path)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.IsZero() {
		d.fault(n, path, "%q is not a time such as 2026-01-31T12:00:00Z", text)
		return time.Time{}
	}
	return t.UTC()
}

func (d *decoder) prefix(n *node, path string) netip.Prefix {
	text := d.text(n, path)
	if text == "" {
		return netip.Prefix{}
	}
	p, err := ParsePrefix(text)
	if err != nil {
		d.fault(n, path, "%v", err)
	}
	return p
}

func (d *decoder) origin(n *node, path string) string {
	text := d.text(n, path)
	if text == "" {
		return ""
	}
	if err := CheckOrigin(text); err != nil {
		d.fault(n, path, "%v", err)
	}
	return text
}

// CheckOrigin checks a web origin of a key. It must be written as browsers send
// it, since that is what it is compared with.
func CheckOrigin(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || strings.ContainsAny(u.Host, "*, ") {
		return fmt.Errorf("%q is not an origin such as https://app.example or http://localhost:3000", text)
	}
	want := u.Scheme + "://" + strings.ToLower(u.Host)
	if u.Port() == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		want = strings.TrimSuffix(want, ":"+u.Port())
	}
	if text != want {
		return fmt.Errorf("%q must be written as browsers send it: %s", text, want)
	}
	return nil
}

// ParsePrefix reads a source range of a key: a CIDR or a single address. It
// refuses ranges that would match other addresses than their text suggests.
func ParsePrefix(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		addr, addrErr := netip.ParseAddr(text)
		if addrErr != nil || addr.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%q is not a range such as 10.1.0.0/16 or 2001:db8::/32", text)
		}
		p = netip.PrefixFrom(addr, addr.BitLen())
	}
	switch {
	case p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q must be written as an IPv4 range", text)
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("%q has bits set after its prefix, the range is %s", text, p.Masked())
	}
	return p, nil
}
