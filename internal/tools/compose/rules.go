// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// projectRule is a rule about the whole file.
type projectRule struct {
	name  string
	check func(p *types.Project) []string
}

// serviceRule is a rule about each service.
type serviceRule struct {
	name  string
	check func(s service) []string
}

func projectRules() []projectRule {
	return []projectRule{
		{"name", func(p *types.Project) []string {
			if !strings.HasPrefix(p.Name, "otelcol-tenant-") {
				return []string{fmt.Sprintf("the name %q must begin with otelcol-tenant-", p.Name)}
			}
			return nil
		}},
		{"one-ingress", func(p *types.Project) []string {
			n := 0
			for _, s := range p.Services {
				if (service{ServiceConfig: s}).isIngress() {
					n++
				}
			}
			if n != 1 {
				return []string{fmt.Sprintf("%d services have the label %s: ingress, and one must", n, roleLabel)}
			}
			return nil
		}},
		{"secret-files", func(p *types.Project) (faults []string) {
			for _, name := range slices.Sorted(maps.Keys(p.Secrets)) {
				s := p.Secrets[name]
				if s.File == "" || s.Environment != "" || s.Content != "" {
					faults = append(faults, fmt.Sprintf("secret %s must be a file", name))
				}
				if s.File != "" && !strings.Contains(s.File, "/secrets/") {
					faults = append(faults, fmt.Sprintf("secret %s is in %s, and must be in ./secrets, which git ignores", name, s.File))
				}
			}
			return faults
		}},
		{"networks", func(p *types.Project) (faults []string) {
			for _, name := range slices.Sorted(maps.Keys(p.Networks)) {
				switch n := p.Networks[name]; {
				case name == "default":
					faults = append(faults, "a service has no networks, and is in the default one with all others of that kind")
				case bool(n.External):
					faults = append(faults, fmt.Sprintf("network %s is external", name))
				}
			}
			return faults
		}},
	}
}

func serviceRules() []serviceRule {
	return []serviceRule{
		{"image", image},
		{"ports", ports},
		{"healthcheck", healthcheck},
		{"limits", limits},
		{"logging", logging},
		{"restart", restart},
		{"read-only", func(s service) []string {
			return unless(s.ReadOnly, "set read_only: true, and tmpfs or volumes for what it writes")
		}},
		{"no-new-privileges", func(s service) []string {
			return unless(slices.ContainsFunc(s.SecurityOpt, func(o string) bool {
				return o == "no-new-privileges:true" || o == "no-new-privileges"
			}), "set security_opt: [no-new-privileges:true]")
		}},
		{"cap-drop", func(s service) []string { return unless(slices.Contains(s.CapDrop, "ALL"), "set cap_drop: [ALL]") }},
		{"cap-add", capAdd},
		{"host", host},
		{"internal", internal},
		{"secrets", secrets},
		{"mounts", mounts},
		{"depends-on", dependsOn},
		{"container-name", func(s service) []string {
			return unless(s.ContainerName == "", "container_name prevents a second stack on the machine")
		}},
	}
}

func unless(ok bool, text string) []string {
	if ok {
		return nil
	}
	return []string{text}
}

var version = regexp.MustCompile(`^v?\d+\.\d+(?:\.\d+)?(?:[.-][A-Za-z0-9.]+)*$`)

// image requires a version with at least two numbers, or a digest.
func image(s service) []string {
	if s.Build != nil {
		return []string{"it is built on the machine; give an image"}
	}
	name, tag, ok := strings.Cut(s.Image[strings.LastIndex(s.Image, "/")+1:], ":")
	if strings.Contains(s.Image, "@sha256:") {
		return nil
	}
	return unless(ok && name != "" && version.MatchString(tag), fmt.Sprintf("image %q has no version such as 1.2.3", s.Image))
}

// ports allows the ingress to publish the ports of HTTP and OTLP, and others on the loopback
// interface.
func ports(s service) (faults []string) {
	for _, p := range s.Ports {
		if !s.isIngress() {
			faults = append(faults, fmt.Sprintf("it publishes port %s, and only the service with the label %s: ingress may", p.Published, roleLabel))
			continue
		}
		if a, err := netip.ParseAddr(p.HostIP); err == nil && a.IsLoopback() {
			continue
		}
		if !slices.Contains([]string{"80", "443", "4317", "4318"}, p.Published) {
			faults = append(faults, fmt.Sprintf("it publishes port %q, and only 80, 443, 4317 and 4318 may be", p.Published))
		}
	}
	return faults
}

func healthcheck(s service) []string {
	h := s.HealthCheck
	switch {
	case s.isJob():
		return nil
	case h == nil || h.Disable || len(h.Test) == 0 || h.Test[0] == "NONE":
		return []string{"it has no health check"}
	case len(h.Test) < 2 || slices.Contains(h.Test, "true") || slices.Contains(h.Test, "exit 0"):
		return []string{"its health check checks nothing"}
	case h.Interval == nil || h.Timeout == nil || h.Retries == nil:
		return []string{"its health check must have interval, timeout and retries"}
	}
	return nil
}

func limits(s service) []string {
	if s.Deploy == nil || s.Deploy.Resources.Limits == nil {
		return []string{"set deploy.resources.limits: cpus, memory and pids"}
	}
	l := s.Deploy.Resources.Limits
	return unless(l.NanoCPUs > 0 && l.MemoryBytes > 0 && l.Pids > 0, "deploy.resources.limits must have cpus, memory and pids")
}

func logging(s service) []string {
	l := s.Logging
	return unless(l != nil && (l.Driver == "json-file" || l.Driver == "local") && l.Options["max-size"] != "" && l.Options["max-file"] != "",
		"set logging with max-size and max-file: without them logs fill the disk")
}

func restart(s service) []string {
	if s.isJob() {
		return unless(s.Restart == "no", `a job has restart: "no"`)
	}
	return unless(s.Restart == "unless-stopped" || s.Restart == "always", "set restart: unless-stopped")
}

// capAdd allows what a role needs.
func capAdd(s service) (faults []string) {
	for _, c := range s.CapAdd {
		if (c != "NET_BIND_SERVICE" || !s.isIngress()) && (c != "CHOWN" || !s.isJob()) {
			faults = append(faults, fmt.Sprintf("capability %s is added", c))
		}
	}
	return faults
}

func host(s service) (faults []string) {
	for _, f := range []struct {
		bad  bool
		text string
	}{
		{s.Privileged, "it is privileged"},
		{s.NetworkMode == "host", "it uses the network of the host"},
		{s.Pid == "host", "it uses the processes of the host"},
		{s.Ipc == "host", "it uses the IPC of the host"},
		{s.UserNSMode == "host", "it uses the users of the host"},
		{len(s.Devices) > 0, "it uses devices of the host"},
		{slices.ContainsFunc(s.SecurityOpt, func(o string) bool { return strings.Contains(o, "unconfined") }), "it is not confined"},
	} {
		if f.bad {
			faults = append(faults, f.text)
		}
	}
	return faults
}

// internal requires that only the ingress is in a network that reaches the Internet.
func internal(s service) (faults []string) {
	if s.isIngress() {
		return nil
	}
	if len(s.Networks) == 0 && s.NetworkMode != "none" {
		return []string{"name its networks, or set network_mode: none"}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Networks)) {
		if !s.project.Networks[name].Internal {
			faults = append(faults, fmt.Sprintf("it is in the network %s, which is not internal", name))
		}
	}
	return faults
}

var (
	secretName  = regexp.MustCompile(`(?i)(PASS|PASSWORD|PASSWD|SECRET|TOKEN|KEY|CREDENTIALS?)$`)
	urlPassword = regexp.MustCompile(`://[^/@\s:]+:[^/@\s]+@`)
)

// secrets requires that no secret is in the environment, which docker inspect shows.
func secrets(s service) (faults []string) {
	for _, name := range slices.Sorted(maps.Keys(s.Environment)) {
		value := s.Environment[name]
		switch {
		case value == nil:
		case urlPassword.MatchString(*value):
			faults = append(faults, fmt.Sprintf("%s has a password in a URL: give it by a file", name))
		case secretName.MatchString(name) && *value != "" && !strings.HasPrefix(*value, "/"):
			faults = append(faults, fmt.Sprintf("%s seems to be a secret: give it by a file", name))
		}
	}
	for _, use := range s.Secrets {
		if _, ok := s.project.Secrets[use.Source]; !ok {
			faults = append(faults, fmt.Sprintf("secret %s is not declared", use.Source))
		}
	}
	for _, word := range append(slices.Clone(s.Command), s.Entrypoint...) {
		if urlPassword.MatchString(word) {
			faults = append(faults, "its command has a password in a URL: give it by a file")
		}
	}
	return faults
}

func mounts(s service) (faults []string) {
	for _, v := range s.Volumes {
		switch {
		case strings.HasSuffix(v.Source, "docker.sock") || strings.HasSuffix(v.Source, "containerd.sock"):
			faults = append(faults, fmt.Sprintf("%s gives it the whole machine", v.Source))
		case v.Type == types.VolumeTypeBind && !v.ReadOnly:
			faults = append(faults, fmt.Sprintf("%s is mounted writable: use a named volume, or mount it read-only", v.Source))
		case v.Type == types.VolumeTypeVolume && v.Source == "":
			faults = append(faults, fmt.Sprintf("the volume at %s has no name and is lost with the container", v.Target))
		}
	}
	return faults
}

func dependsOn(s service) (faults []string) {
	for _, name := range slices.Sorted(maps.Keys(s.DependsOn)) {
		want := types.ServiceConditionHealthy
		if (service{ServiceConfig: s.project.Services[name]}).isJob() {
			want = types.ServiceConditionCompletedSuccessfully
		}
		if got := s.DependsOn[name].Condition; got != want {
			faults = append(faults, fmt.Sprintf("it depends on %s with the condition %s instead of %s", name, got, want))
		}
	}
	return faults
}
