// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package debianroot runs clean Debian 12 machines for tests of packages and units: a root
// of its own for each test, in namespaces of its own, first without and then with a real
// systemd as process 1. It needs Linux, root, mmdebstrap, util-linux and a control group
// hierarchy of systemd; without them a test is skipped, or fails with REQUIRE_REAL=1.
//
// The first use on a machine installs the root with mmdebstrap, which takes a minute or
// more, into the user's cache folder. A test sees it through an overlay and cannot change it.
//
//	m := debianroot.New(t, debianroot.Settings{}) // clean, systemd does not run
//	m.Run("dpkg", "-i", m.Share("_build/packages/x.deb"))
//	m.Boot()                                      // systemd is process 1
//	m.Run("systemctl", "start", "x")
//	m.Network("curl", "http://127.0.0.1:13133/health")
//
// Units run as in production: users, sandboxing, credentials and memory limits apply.
package debianroot
