package vendors

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever stands in a checksum file: an error, or checksums that stand there word by word.
func FuzzReadSums(f *testing.F) {
	sum := strings.Repeat("0a", 32)
	f.Add(sum + "  nattevakt-vendor-dell\n")
	f.Add(sum + " *./nattevakt-vendor-dell.exe\r\n\n\\" + strings.ToUpper(sum) + "  a\\nb\n")
	f.Add("d41d8cd98f00b204e9800998ecf8427e  md5\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), sumsFile)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		sums, err := readSums(path)
		if err != nil && len(sums) > 0 {
			t.Errorf("both an error and sums: %v", err)
		}
		for name, sum := range sums {
			if !strings.Contains(strings.ToLower(text), hex.EncodeToString(sum[:])) || !strings.Contains(text, name) {
				t.Errorf("%q %x does not stand in %q", name, sum, text)
			}
		}
	})
}
