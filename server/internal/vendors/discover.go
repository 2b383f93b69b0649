package vendors

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// sumsFile is in the form of sha256sum: 64 hexadecimal digits, a space, a space or an asterisk, the name.
const sumsFile = "SHA256SUMS"

// Bounds of a plugin folder.
const (
	maxPlugins  = 64
	maxSumsSize = 1 << 20
)

// found is a file that has the name of a plugin.
type found struct {
	name, path string
	// sum is what the file must have; where there is none, refusal says so.
	sum     [sha256.Size]byte
	refusal string
}

var (
	pluginFile = regexp.MustCompile(`^nattevakt-vendor-([a-z][a-z0-9]{0,31})(\.exe)?$`)
	sumLine    = regexp.MustCompile(`^\\?([0-9a-fA-F]{64}) [ *](.+)$`)
)

// discover lists the plugins of a folder by name, each with its checksum or the reason why it has none.
func discover(folder string) ([]found, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	sums, err := readSums(filepath.Join(folder, sumsFile))
	if err != nil {
		return nil, err
	}
	var list []found
	for _, e := range entries {
		m := pluginFile.FindStringSubmatch(e.Name())
		if m == nil || (m[2] != "") != (runtime.GOOS == "windows") {
			continue
		}
		f := found{name: m[1], path: filepath.Join(folder, e.Name())}
		sum, ok := sums[e.Name()]
		if !ok {
			f.refusal = fmt.Sprintf("%s is not in %s: if you trust it, run sha256sum %s >> %s in its folder",
				e.Name(), sumsFile, e.Name(), sumsFile)
		}
		f.sum = sum
		list = append(list, f)
	}
	if len(list) > maxPlugins {
		return nil, fmt.Errorf("%s has %d plugins; at most %d are run", folder, len(list), maxPlugins)
	}
	slices.SortFunc(list, func(a, b found) int { return strings.Compare(a.name, b.name) })
	return list, nil
}

// readSums reads a checksum file; one that does not exist has no lines.
func readSums(path string) (map[string][sha256.Size]byte, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	sums := map[string][sha256.Size]byte{}
	lines := bufio.NewScanner(io.LimitReader(file, maxSumsSize))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimRight(lines.Text(), "\r ")
		if line == "" {
			continue
		}
		name, sum, err := parseSum(line)
		if err != nil {
			return nil, fmt.Errorf("%s line %d: %w", path, n, err)
		}
		if was, ok := sums[name]; ok && was != sum {
			return nil, fmt.Errorf("%s line %d: %s stands here twice, with different checksums", path, n, name)
		}
		sums[name] = sum
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return sums, nil
}

func parseSum(line string) (name string, sum [sha256.Size]byte, err error) {
	m := sumLine.FindStringSubmatch(line)
	if m == nil {
		return "", sum, fmt.Errorf("%.80q is not a line of sha256sum", line)
	}
	_, err = hex.Decode(sum[:], []byte(m[1]))
	return strings.TrimPrefix(m[2], "./"), sum, err
}
