// Package boltfile finds damage in a file of the file_storage extension before
// the extension opens it.
//
// The extension keeps a bbolt database per client. bbolt looks for the free
// pages of a file in a goroutine of its own when it opens it, and what that
// goroutine thinks of a page that makes no sense ends the process, at every
// start again. It also takes a file that was cut to nothing for a new one. So
// whoever must go on without the file looks first, by reading it like any other file: [Locate] says where it is,
// [Inspect] what is wrong with it, and [SetAside] gives it another name.
package boltfile
