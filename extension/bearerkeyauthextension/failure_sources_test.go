// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package bearerkeyauthextension

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func startSources(t *testing.T, perMinute, most int) *sources {
	t.Helper()
	s, err := newSources(FailuresConfig{PerMinute: perMinute, MaxSources: most})
	require.NoError(t, err)
	return s
}

func ip(text string) *net.IPAddr { return &net.IPAddr{IP: net.ParseIP(text)} }

func TestSources_ThrottlesAfterTheLimitUntilTheMinuteIsOver(t *testing.T) {
	s := startSources(t, 3, 10)
	for range 3 {
		assert.False(t, s.failed(ip("192.0.2.1"), unknownKey, false, noon))
	}
	assert.True(t, s.failed(ip("192.0.2.1"), unknownKey, false, noon.Add(59*time.Second)))
	assert.False(t, s.failed(ip("192.0.2.2"), unknownKey, false, noon), "another address is another source")
	assert.False(t, s.failed(ip("192.0.2.1"), unknownKey, false, noon.Add(time.Minute)), "a new minute")
	assert.False(t, s.failed(ip("192.0.2.1"), unknownKey, false, noon), "a clock that went back starts a new window")
}

func TestSources_NoThrottlingWithoutALimit(t *testing.T) {
	s := startSources(t, 0, 10)
	for range 1000 {
		require.False(t, s.failed(ip("192.0.2.1"), unknownKey, false, noon))
	}
}

func TestSources_GroupsNetworksOfOneCaller(t *testing.T) {
	for _, tt := range []struct {
		addr net.Addr
		want string
	}{
		{ip("192.0.2.1"), "192.0.2.1/32"},
		{ip("::ffff:192.0.2.1"), "192.0.2.1/32"},
		{&net.TCPAddr{IP: net.ParseIP("192.0.2.1"), Port: 1}, "192.0.2.1/32"},
		{ip("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64"},
		{&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}, "fe80::/64"},
		{&net.UnixAddr{Name: "/run/gateway.sock"}, "invalid Prefix"},
		{nil, "invalid Prefix"},
	} {
		assert.Equal(t, tt.want, prefixOf(tt.addr).String())
	}
}

func TestSources_LogsEachSourceOnceAMinute(t *testing.T) {
	s := startSources(t, 3, 10)
	s.failed(ip("192.0.2.1"), unknownKey, false, noon)
	s.failed(ip("192.0.2.1"), unknownKey, false, noon)
	s.failed(ip("192.0.2.1"), noKey, false, noon)
	one := report{source: netip.MustParsePrefix("192.0.2.1/32")}
	one.reasons[unknownKey], one.reasons[noKey] = 2, 1
	require.Equal(t, []report{one}, s.reports(noon, 10, false))
	require.Empty(t, s.reports(noon, 10, false), "nothing new")

	s.failed(ip("192.0.2.1"), revokedKey, false, noon.Add(time.Second))
	require.Empty(t, s.reports(noon.Add(59*time.Second), 10, false), "logged less than a minute ago")
	one.reasons = reasons{revokedKey: 1}
	require.Equal(t, []report{one}, s.reports(noon.Add(time.Minute), 10, false))

	s.failed(ip("192.0.2.1"), expiredKey, false, noon.Add(time.Minute))
	one.reasons = reasons{expiredKey: 1}
	require.Equal(t, []report{one}, s.reports(noon.Add(time.Minute), 10, true), "the last report waits for no minute")
}

func TestSources_BoundsLinesAndLosesNoCount(t *testing.T) {
	for _, last := range []bool{false, true} {
		s := startSources(t, 3, 100)
		for n := range 250 {
			s.failed(ip(netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}).String()), unknownKey, false, noon)
		}
		require.Equal(t, 100, s.len())
		var logged int64
		for n, most := range []int{40, 40, 20, 0} {
			due := s.reports(noon.Add(time.Duration(n)*time.Second), 40, last)
			named := 0
			for _, r := range due {
				logged += r.reasons[unknownKey]
				if r.source.IsValid() {
					named++
				}
			}
			if last {
				require.Len(t, due, 41)
				break
			}
			require.Equal(t, most, named)
		}
		assert.EqualValues(t, 250, logged, "150 sources were evicted; their counts are logged without a name")
	}
}

// BenchmarkSources_Flood is a unknown that changes its address with each request.
func BenchmarkSources_Flood(b *testing.B) {
	s, err := newSources(FailuresConfig{PerMinute: 60, MaxSources: 4096})
	require.NoError(b, err)
	raw := make(net.IP, net.IPv6len)
	addr := &net.IPAddr{IP: raw}
	b.ReportAllocs()
	for n := uint64(0); b.Loop(); n++ {
		binary.BigEndian.PutUint64(raw, 0x2001_0db8_0000_0000+n)
		s.failed(addr, unknownKey, false, noon)
	}
}
