// Package sendingqueue reads and empties what the sending queue of another exporter left in
// a storage extension, so that an exporter that takes its place delivers it.
//
// Such a queue, of exporterhelper, has a key for each request, its number, and one key for
// what the queue knows of itself. A request is removed from storage once it is sent, so that
// whatever request is there has not been sent, whatever the queue says of itself: after a
// full disk it may not say that it has it.
package sendingqueue
