// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package segmented keeps an audit log within a size limit.
//
// A segmented log is a directory of segments. Each segment is a log of package
// audit in its own directory, named by its number. When a new segment starts,
// the oldest segments are pruned if the limit requires it. The first entry of a
// segment contains the last checkpoint of the previous segment and the number of
// the newest pruned segment, so that [Verify] detects segments that are missing
// for any other reason.
package segmented
