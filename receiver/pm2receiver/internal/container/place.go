package container

import (
	"path/filepath"
	"regexp"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Place is what the path of a container's log says of the container.
type Place struct {
	// ID is that of the container, in Docker's folders.
	ID string
	// Namespace, Pod, UID and Container are Kubernetes'. Restart counts from 0.
	Namespace, Pod, UID, Container string
	Restart                        int64
}

var (
	dockerPath = regexp.MustCompile(`(?:^|/)([0-9a-f]{64})-json\.log$`)
	podPath    = regexp.MustCompile(`(?:^|/)([^/_]+)_([^/_]+)_([0-9a-fA-F-]{8,64})/([^/]+)/(\d{1,9})\.log$`)
)

// PlaceOf reads the path of a log, and where links lead that are on the way. It reports
// false for one that is no container's.
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

// App returns a name for what runs in the container and does not say its own.
func (p Place) App() string {
	if p.Container != "" {
		return p.Container
	}
	return p.ID[:min(len(p.ID), 12)]
}

// Instance tells containers apart, or is "" if the path does not.
func (p Place) Instance() string {
	if p.UID != "" {
		return p.UID + "/" + p.Container
	}
	return p.ID
}

// put sets the attributes of the container.
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
