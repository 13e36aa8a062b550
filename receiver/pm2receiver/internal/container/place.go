// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package container

import (
	"path/filepath"
	"regexp"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Place identifies a container, as far as the path of its log does.
type Place struct {
	// ID is the ID of the container, in Docker's folders.
	ID string
	// Namespace, Pod, UID and Container are those of Kubernetes. Restart counts from 0.
	Namespace, Pod, UID, Container string
	Restart                        int64
}

var (
	dockerPath = regexp.MustCompile(`(?:^|/)([0-9a-f]{64})-json\.log$`)
	podPath    = regexp.MustCompile(`(?:^|/)([^/_]+)_([^/_]+)_([0-9a-fA-F-]{8,64})/([^/]+)/(\d{1,9})\.log$`)
)

// PlaceOf parses the path of a log, with and without its links resolved. It reports false if
// neither is that of a container.
func PlaceOf(path string) (Place, bool) {
	if p, ok := placeOf(path); ok {
		return p, true
	}
	if real, err := filepath.EvalSymlinks(path); err == nil && real != path {
		return placeOf(real)
	}
	return Place{}, false
}

func placeOf(path string) (Place, bool) {
	path = filepath.ToSlash(path)
	if m := dockerPath.FindStringSubmatch(path); m != nil {
		return Place{ID: m[1]}, true
	}
	if m := podPath.FindStringSubmatch(path); m != nil {
		restart, _ := strconv.ParseInt(m[5], 10, 64) // it has few digits
		return Place{Namespace: m[1], Pod: m[2], UID: m[3], Container: m[4], Restart: restart}, true
	}
	return Place{}, false
}

// App returns the application name for lines without one.
func (p Place) App() string {
	if p.Container != "" {
		return p.Container
	}
	return p.ID[:min(len(p.ID), 12)]
}

// Instance returns what distinguishes the container from others, or "" if the path does not.
func (p Place) Instance() string {
	if p.UID != "" {
		return p.UID + "/" + p.Container
	}
	return p.ID
}

// put sets the resource attributes of the container.
func (p Place) put(attrs pcommon.Map) {
	if p.ID != "" {
		attrs.PutStr("container.id", p.ID)
	}
	if p.Pod != "" {
		attrs.PutStr("k8s.namespace.name", p.Namespace)
		attrs.PutStr("k8s.pod.name", p.Pod)
		attrs.PutStr("k8s.pod.uid", p.UID)
		attrs.PutStr("k8s.container.name", p.Container)
		attrs.PutInt("k8s.container.restart_count", p.Restart)
	}
}
