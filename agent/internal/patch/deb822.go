package patch

import (
	"bufio"
	"io"
	"iter"
	"strings"
)

// maxLine bounds a line of any file or output read here; the longest seen are package relations of some 20 KB.
const maxLine = 1 << 20

// A stanza is one paragraph of a Debian control file: field names in lower case, and the first line of each
// value, which is all that is needed here.
type stanza map[string]string

// stanzas reads Debian's control file format (deb-control(5)): dpkg's status, apt's Release files and
// `apt-get indextargets`. Lines that are no field are passed over, so the signature around an InRelease
// file does no harm. An error comes last and alone.
func stanzas(r io.Reader) iter.Seq2[stanza, error] {
	return func(yield func(stanza, error) bool) {
		lines := scan(r)
		current := stanza{}
		for lines.Scan() {
			line := lines.Text()
			if line == "" {
				if len(current) > 0 && !yield(current, nil) {
					return
				}
				current = stanza{}
				continue
			}
			current.add(line)
		}
		if err := lines.Err(); err != nil {
			yield(nil, err)
			return
		}
		if len(current) > 0 {
			yield(current, nil)
		}
	}
}

func (s stanza) add(line string) {
	if line[0] == ' ' || line[0] == '\t' {
		return
	}
	if name, value, ok := strings.Cut(line, ":"); ok {
		s[strings.ToLower(name)] = strings.TrimSpace(value)
	}
}

func scan(r io.Reader) *bufio.Scanner {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 64<<10), maxLine)
	return s
}
