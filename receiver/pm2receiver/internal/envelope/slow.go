// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package envelope

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
)

// parseSlow reads a record with the keys in any order and any strings. An object with a key that PM2
// does not write is not a record: an application wrote it, and all its fields are kept.
func parseSlow(line []byte) (Record, bool) {
	if trimmed := bytes.TrimLeft(line, " \t"); len(trimmed) == 0 || trimmed[0] != '{' || !bytes.Contains(line, []byte("app_name")) {
		return Record{}, false
	}
	fields, ok := known(line)
	if !ok {
		return Record{}, false
	}
	var message, app, stamp, kind string
	if !unmarshal(fields["message"], &message) || !unmarshal(fields["app_name"], &app) {
		return Record{}, false
	}
	id, has := fields["process_id"]
	if !has {
		return Record{}, false
	}
	unmarshal(fields["timestamp"], &stamp)
	if !unmarshal(fields["type"], &kind) || kind != "out" && kind != "err" && kind != "PM2" { // an application may have the other keys
		return Record{}, false
	}
	return Record{
		Message:   []byte(message),
		Timestamp: []byte(stamp),
		Stderr:    kind != "out",
		ProcessID: slowID(id),
		App:       []byte(app),
		Repaired:  strings.ContainsRune(message, '\uFFFD') && !bytes.Contains(fields["message"], []byte("\uFFFD")),
	}, true
}

// known returns the fields of an object, or false if it has a field that PM2 does not write. It stops
// at the first such field, because an object of an application may have millions.
func known(line []byte) (map[string]json.RawMessage, bool) {
	dec := json.NewDecoder(bytes.NewReader(line))
	if _, err := dec.Token(); err != nil { // the brace
		return nil, false
	}
	fields := map[string]json.RawMessage{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, false
		}
		switch name {
		case "message", "timestamp", "type", "process_id", "app_name":
		default:
			return nil, false
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return nil, false
		}
		fields[name.(string)] = value
	}
	if _, err := dec.Token(); err != nil { // the other brace
		return nil, false
	}
	_, err := dec.Token()
	return fields, errors.Is(err, io.EOF)
}

// unmarshal reports whether raw is a JSON string and sets s to it.
func unmarshal(raw json.RawMessage, s *string) bool {
	return len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, s) == nil
}

// slowID also reads the names that PM2 gives to processes it is about to replace
// (_old_3).
func slowID(raw json.RawMessage) int64 {
	text := strings.TrimPrefix(strings.Trim(string(raw), `"`), "_old_")
	if len(text) > 10 {
		return NoProcess
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return NoProcess
	}
	return int64(n)
}
