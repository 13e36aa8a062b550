// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build !linux

package ownports

func listening() map[uint16]bool { return nil }
