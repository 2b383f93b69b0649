package apply_test

import (
	"os"
	"syscall"
	"testing"
)

// allocated gives the bytes a file takes on disk.
func allocated(t *testing.T, path string) (int64, bool) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return st.Blocks * 512, ok
}
