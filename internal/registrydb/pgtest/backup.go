// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

//go:build unix

package pgtest

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"
)

// Dump returns a backup of a database, by pg_dump with the arguments.
func (s *Server) Dump(database string, args ...string) []byte {
	s.t.Helper()
	return s.run(nil, "pg_dump", append(args, "--dbname", s.DSN(database))...)
}

// Restore restores a database from a backup as an operator does: the database is
// dropped and created again.
func (s *Server) Restore(database string, backup []byte) {
	s.t.Helper()
	s.Exec("postgres", "drop database if exists "+database+" with (force)")
	s.Exec("postgres", "create database "+database)
	s.run(backup, "psql", "--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--dbname", s.DSN(database))
}

// Copy restores a backup of a database to a new one and returns its name.
func (s *Server) Copy(database string) string {
	s.t.Helper()
	name := s.NewDatabase()
	s.Restore(name, s.Dump(database))
	return name
}

func (s *Server) run(in []byte, program string, args ...string) []byte {
	s.t.Helper()
	path, err := exec.LookPath(filepath.Join(s.bin, program))
	if err != nil { // the folder may have only some of the programs
		path, err = exec.LookPath(program)
	}
	require.NoError(s.t, err)
	cmd := exec.Command(path, args...)
	var out bytes.Buffer
	var stderr strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &stderr
	require.NoError(s.t, cmd.Run(), stderr.String())
	return out.Bytes()
}
