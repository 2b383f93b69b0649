package sparse_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/nattevakt/nattevakt/images/internal/sparse"
)

const mib = 1 << 20

// holey gives a file of 4 MiB with data in its second MiB only.
func holey(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := f.Truncate(4 * mib); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(bytes.Repeat([]byte{1}, mib), mib); err != nil {
		t.Fatal(err)
	}
	return f
}

// TestAnswersAreTrue holds with and without support of the file system: NextData never passes over data.
func TestAnswersAreTrue(t *testing.T) {
	f := holey(t)
	for _, c := range []struct{ off, limit, least, most int64 }{
		{0, 4 * mib, 0, mib},
		{0, mib / 2, 0, mib / 2},
		{mib, 4 * mib, mib, mib},
		{mib + 5, 4 * mib, mib + 5, mib + 5},
		{2 * mib, 4 * mib, 2 * mib, 4 * mib},
	} {
		if at := sparse.NextData(f, c.off, c.limit); at < c.least || at > c.most {
			t.Errorf("next data from %d to %d is at %d, want %d to %d", c.off, c.limit, at, c.least, c.most)
		}
	}
}

func TestPunch(t *testing.T) {
	f := holey(t)
	err := sparse.Punch(f, mib+100, 5000)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("needs a file system with holes")
	}
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, mib)
	if _, err := f.ReadAt(got, mib); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte{1}, mib)
	clear(want[100:5100])
	if !bytes.Equal(got, want) {
		t.Error("other bytes than asked for are zero")
	}
	if err := sparse.DropCache(f); err != nil {
		t.Error(err)
	}
}
