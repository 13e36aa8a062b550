//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package storagecheckextension looks at the files of file_storage before they are
// opened and sets damaged ones aside, so that a collector comes up by itself after a
// power cut or a disk fault.
package storagecheckextension
