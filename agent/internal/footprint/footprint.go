// Package footprint makes an idle agent small: Shrink gives back to the system what the last piece of work
// needed and waiting does not.
//
// Guarantees: nothing is lost, only memory that the kernel can bring back by itself; a failure costs
// nothing but memory; it may be called from any goroutine, and takes a few milliseconds.
package footprint

import "runtime/debug"

// Shrink collects garbage, returns free memory, and lets go of the program's own code and constants: the
// kernel keeps them in its cache and maps again what runs next. A third of an idle agent's resident memory
// is code that ran once.
func Shrink() {
	debug.FreeOSMemory()
	dropText()
}
