package footprint

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// maxMaps bounds how much of the process's map is read.
const maxMaps = 4096

// dropText unmaps the pages of the program file that nothing can have written to (proc_pid_maps(5)).
func dropText() {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	lines := bufio.NewScanner(maps)
	for n := 0; n < maxMaps && lines.Scan(); n++ {
		var from, to uintptr
		var rights string
		line := lines.Text()
		if _, err := fmt.Sscanf(line, "%x-%x %s", &from, &to, &rights); err != nil || rights[1] == 'w' || !strings.HasSuffix(line, " "+self) {
			continue
		}
		// Private and never writable: the file still holds every byte.
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED)
	}
}
