// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

// kind is what a setting is.
type kind int

const (
	kindObject   kind = iota
	kindMap           // of names that the user chooses
	kindList          //
	kindText          //
	kindInteger       //
	kindNumber        //
	kindBoolean       //
	kindDuration      // 30s
	kindSize          // 64MiB
	kindID            // of a component
	kindPairs         // of names and texts, as a mapping or a list
	kindAny           // not known
)

// setting is a setting of a component, or a group of settings.
type setting struct {
	kind  kind
	goPkg string // with the name, the Go type of an object
	name  string

	fields   []field  // of an object
	elem     *setting // of a map or a list
	enum     []string // of a text: all values
	optional bool     // an object that is off until it is in the file
	open     bool     // an object with settings that are not known
	own      bool     // the type is of this project
}

// field is a setting in an object.
type field struct {
	key string
	doc string // sentences; empty for types of other projects
	*setting
	def        string // the default as in YAML; empty: none
	deprecated bool
	goField    string // Type.Field
	goPkg      string // of the type
}

// described is a component with its settings.
type described struct {
	section string
	types   []string // the second one is an earlier name
	path    string   // import path
	own     bool
	*setting
}
