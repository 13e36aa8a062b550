// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import "strings"

// The widths, in characters, of columns of status whose text comes from clients, backends or the
// registry. JSON and YAML have the whole text.
const (
	widthProgram     = 36
	widthDescription = 40
	widthAddress     = 45 // the longest IPv6 address
	widthName        = 40 // of keys, destinations, reasons and routes
	widthAnswer      = 100
)

// shortened returns the beginning of a text for a column of this width.
func shortened(text string, width int) string {
	if runes := []rune(text); len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return text
}

// program returns PRODUCT/VERSION of a User-Agent for a column. The version remains if the
// product is too long, as the one of a collector is: its product is the description of its
// distribution.
func program(agent string) string {
	product, rest, found := strings.Cut(agent, "/")
	product, _, _ = strings.Cut(product, ",")
	product = strings.TrimSpace(product)
	if !found {
		return shortened(product, widthProgram)
	}
	version := rest
	if at := strings.IndexAny(rest, " (;,"); at >= 0 {
		version = rest[:at]
	}
	version = shortened(version, widthProgram/2)
	return shortened(product, widthProgram-1-len([]rune(version))) + "/" + version
}
