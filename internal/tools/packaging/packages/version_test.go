// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"os/exec"
	"testing"
)

func TestVersion_Full(t *testing.T) {
	for text, want := range map[string][3]string{ // deb, rpm, apk
		"0.2.0":         {"0.2.0-1", "0.2.0-1", "0.2.0-r1"},
		"0.2.0-dev":     {"0.2.0~dev-1", "0.2.0~dev-1", "0.2.0_pre-r1"},
		"1.10.3-rc.2":   {"1.10.3~rc.2-1", "1.10.3~rc.2-1", "1.10.3_rc2-r1"},
		"1.0.0-alpha.1": {"1.0.0~alpha.1-1", "1.0.0~alpha.1-1", "1.0.0_alpha1-r1"},
		"1.0.0-beta3":   {"1.0.0~beta3-1", "1.0.0~beta3-1", "1.0.0_beta3-r1"},
	} {
		v, err := parseVersion(text)
		if err != nil {
			t.Error(err)
		}
		for i, format := range formats() {
			if got := v.full(format); got != want[i] {
				t.Errorf("%s of %s is %s, want %s", format, text, got, want[i])
			}
		}
	}
	for _, text := range []string{"", "dev", "1.0", "v1.0.0", "1.0.0-nightly", "1.0.0+abc", "1.0.0-rc.1.2"} {
		if _, err := parseVersion(text); err == nil {
			t.Errorf("%q has no form that all formats order, but is accepted", text)
		}
	}
}

// A development version and a candidate must be replaced by the release.
func TestVersion_OrdersBeforeTheRelease(t *testing.T) {
	order := []string{"0.1.9", "0.2.0-alpha.1", "0.2.0-beta.1", "0.2.0-dev", "0.2.0-rc.1", "0.2.0-rc.2", "0.2.0", "0.2.1"}
	compare := map[string]func(a, b string) bool{}
	if _, err := exec.LookPath("dpkg"); err == nil {
		compare["deb"] = func(a, b string) bool { return exec.Command("dpkg", "--compare-versions", a, "lt", b).Run() == nil }
	}
	if _, err := exec.LookPath("rpm"); err == nil {
		compare["rpm"] = func(a, b string) bool {
			out, err := exec.Command("rpm", "--eval", "%{lua:print(rpm.vercmp('"+a+"','"+b+"'))}").CombinedOutput()
			return err == nil && string(out) == "-1\n"
		}
	}
	if len(compare) == 0 {
		t.Skip("there is neither dpkg nor rpm")
	}
	for format, less := range compare {
		for i := 1; i < len(order); i++ {
			a, _ := parseVersion(order[i-1])
			b, _ := parseVersion(order[i])
			if !less(a.full(format), b.full(format)) {
				t.Errorf("%s: %s must come before %s", format, a.full(format), b.full(format))
			}
		}
	}
}
