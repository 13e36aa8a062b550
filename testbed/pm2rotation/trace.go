// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package pm2rotation repeats recorded runs of PM2's log folder, with pm2-logrotate,
// `pm2 flush`, `pm2 reloadLogs` and renames. It records which lines a reader must receive, and
// which ones no reader could have read.
package pm2rotation

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
)

// Operation is one system call of PM2, pm2-logrotate or an operator.
type Operation struct {
	At     float64 `json:"t"` // milliseconds
	Op     string  `json:"op"`
	File   string  `json:"f"`
	Mode   string  `json:"mode"`
	Size   int64   `json:"size"`
	To     string  `json:"to"`
	Text   string  `json:"d"`
	Base64 string  `json:"b64"`
}

func (op *Operation) data() ([]byte, error) {
	if op.Base64 == "" {
		return []byte(op.Text), nil
	}
	return base64.StdEncoding.DecodeString(op.Base64)
}

// Load reads a trace.
func Load(path string) (ops []Operation, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	decoder := json.NewDecoder(z)
	for {
		var op Operation
		err := decoder.Decode(&op)
		if errors.Is(err, io.EOF) {
			return ops, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		ops = append(ops, op)
	}
}

var lineName = regexp.MustCompile(`seq=\d{8} app=[a-z]+-\d+`)

// Name returns the name of a numbered line, which is unique in a run, or "".
func Name(line string) string { return lineName.FindString(line) }

// Names returns the names of the lines in data.
func Names(data []byte) []string {
	var names []string
	for _, name := range lineName.FindAll(data, -1) {
		names = append(names, string(name))
	}
	return slices.Clip(names)
}
