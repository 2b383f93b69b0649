package patchtest

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// snapshot gives a hash of each file below the folders.
func snapshot(t *testing.T, folders []string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(path)
			sum := sha256.Sum256(data)
			found[path] = hex.EncodeToString(sum[:8])
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}
