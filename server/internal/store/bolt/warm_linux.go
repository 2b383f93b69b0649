package bolt

import (
	"os"

	"golang.org/x/sys/unix"
)

// warmStep is what every kernel reads for one piece of advice; longer ones may be cut to this.
const warmStep = 128 << 10

// warm asks the kernel to read the file ahead, in order and in the background. bbolt declares its mapping as
// read at random, so that a first scan of a cold file would wait for each page by itself.
func warm(f *os.File) {
	info, err := f.Stat()
	for at := int64(0); err == nil && at < info.Size(); at += warmStep {
		err = unix.Fadvise(int(f.Fd()), at, warmStep, unix.FADV_WILLNEED)
	}
}
