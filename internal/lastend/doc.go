// Package lastend tells how the last process ended: in order, by a fault of its
// own, for want of memory, or by a kill or a power cut.
//
// A process cannot write why it ends when its stack overflows or the system takes
// it for its memory. So the Go runtime writes its last words to a file, and a record
// says how often the system had killed for memory when the process began. What
// leaves neither trace counts as a kill, which is no fault of the process.
package lastend
