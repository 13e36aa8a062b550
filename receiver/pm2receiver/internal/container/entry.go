// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package container

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/arena"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/quoted"
)

// entry is one write of a container, or a part of it, as the runtime stores it.
type entry struct {
	// text is the text without the newline at its end.
	text   []byte
	stderr bool
	// time is in nanoseconds since the epoch.
	time int64
	// part is set if the line continues in the next entry of the stream.
	part bool
}

// parse reads a line of a container's log. text may refer to line or to the arena.
func parse(format Format, line []byte, a *arena.Arena) (entry, bool) {
	if len(line) > 0 && line[len(line)-1] == '\r' {
		line = line[:len(line)-1]
	}
	if format != CRI && len(line) > 0 && line[0] == '{' {
		return parseDocker(line, a)
	}
	if format != Docker {
		return parseCRI(line)
	}
	return entry{}, false
}

var (
	dockerHead   = []byte(`{"log":"`)
	dockerStdout = []byte(`,"stream":"stdout"`)
	dockerStderr = []byte(`,"stream":"stderr"`)
	dockerTime   = []byte(`,"time":"`)
)

// parseDocker reads a line of Docker's json-file driver. It parses Docker's order of keys
// itself, and uses encoding/json for everything else.
func parseDocker(line []byte, a *arena.Arena) (entry, bool) {
	if !bytes.HasPrefix(line, dockerHead) {
		return parseDockerSlow(line)
	}
	text, rest, ok := quoted.Unquote(line[len(dockerHead):], a)
	if !ok {
		return parseDockerSlow(line)
	}
	var e entry
	switch {
	case bytes.HasPrefix(rest, dockerStdout):
	case bytes.HasPrefix(rest, dockerStderr):
		e.stderr = true
	default:
		return parseDockerSlow(line)
	}
	rest = rest[len(dockerStdout):]
	if !bytes.HasPrefix(rest, dockerTime) || len(rest) < len(dockerTime)+2 || !bytes.HasSuffix(rest, []byte(`"}`)) {
		return parseDockerSlow(line) // with attributes
	}
	if e.time, ok = parseTime(rest[len(dockerTime) : len(rest)-2]); !ok {
		return parseDockerSlow(line)
	}
	return dockerEntry(e, text), true
}

// parseDockerSlow reads a line with the keys in any order. It rejects an object with other keys
// than Docker's.
func parseDockerSlow(line []byte) (entry, bool) {
	var fields map[string]json.RawMessage
	if !bytes.Contains(line, []byte(`"stream"`)) || json.Unmarshal(line, &fields) != nil {
		return entry{}, false
	}
	var text, stream, at string
	for key, value := range fields {
		var err error
		switch key {
		case "log":
			err = json.Unmarshal(value, &text)
		case "stream":
			err = json.Unmarshal(value, &stream)
		case "time":
			err = json.Unmarshal(value, &at)
		case "attrs":
		default:
			return entry{}, false
		}
		if err != nil {
			return entry{}, false
		}
	}
	nanos, ok := parseTime([]byte(at))
	if _, has := fields["log"]; !has || !ok || stream != "stdout" && stream != "stderr" {
		return entry{}, false
	}
	return dockerEntry(entry{time: nanos, stderr: stream == "stderr"}, []byte(text)), true
}

// dockerEntry completes an entry. Docker keeps the newline, so that of a line of more than
// 16 KiB only the last part has one.
func dockerEntry(e entry, text []byte) entry {
	whole, ended := bytes.CutSuffix(text, []byte{'\n'})
	e.text, e.part = whole, !ended
	return e
}

// parseCRI reads a line as the kubelet's runtimes write it: time, stream, tags and text.
func parseCRI(line []byte) (entry, bool) {
	at, rest, ok := bytes.Cut(line, []byte{' '})
	if !ok {
		return entry{}, false
	}
	stream, rest, ok := bytes.Cut(rest, []byte{' '})
	if !ok {
		return entry{}, false
	}
	tags, text, _ := bytes.Cut(rest, []byte{' '})
	tag, _, _ := bytes.Cut(tags, []byte{':'})
	var e entry
	switch string(stream) {
	case "stdout":
	case "stderr":
		e.stderr = true
	default:
		return entry{}, false
	}
	switch string(tag) {
	case "F":
	case "P":
		e.part = true
	default:
		return entry{}, false
	}
	e.time, ok = parseTime(at)
	e.text = text
	return e, ok
}

// parseTime reads a time as RFC 3339 has it, with a fraction or without.
func parseTime(b []byte) (int64, bool) {
	if len(b) < len("2006-01-02T15:04:05Z") || len(b) > len("2006-01-02T15:04:05.999999999+07:00") || b[10] != 'T' {
		return 0, false
	}
	t, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil || t.Year() < 1970 || t.Year() > 2200 {
		return 0, false
	}
	return t.UnixNano(), true
}
