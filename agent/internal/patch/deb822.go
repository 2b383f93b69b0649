package patch

import (
	"bufio"
	"bytes"
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
// `apt-get indextargets`. Only the named fields are kept, which keeps a status file of megabytes out of
// memory. Lines that are no field are passed over, so the signature around an InRelease file does no harm. An
// error comes last and alone.
func stanzas(r io.Reader, fields ...string) iter.Seq2[stanza, error] {
	return func(yield func(stanza, error) bool) {
		lines := scan(r)
		current := stanza{}
		for lines.Scan() {
			line := lines.Bytes()
			if len(line) > 0 {
				current.add(line, fields)
				continue
			}
			if len(current) > 0 && !yield(current, nil) {
				return
			}
			current = stanza{}
		}
		if err := lines.Err(); err != nil {
			yield(nil, err)
		} else if len(current) > 0 {
			yield(current, nil)
		}
	}
}

func (s stanza) add(line []byte, fields []string) {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || line[0] == ' ' || line[0] == '\t' {
		return
	}
	for _, field := range fields {
		if strings.EqualFold(field, string(name)) {
			s[field] = string(bytes.TrimSpace(value))
		}
	}
}

func scan(r io.Reader) *bufio.Scanner {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 64<<10), maxLine)
	return s
}
