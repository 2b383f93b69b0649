package inventory

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// countInstalled counts the packages of a dpkg status file (deb-control(5) stanzas) whose Status ends in
// "installed", as dpkg-query's db:Status-Status has it. It reads a stream and holds one line of at most
// 64 KiB; the rest of a longer line is passed over.
func countInstalled(r io.Reader) (count uint32, err error) {
	in := bufio.NewReaderSize(r, 64<<10)
	for atStart := true; ; {
		line, err := in.ReadSlice('\n')
		if atStart && isInstalled(line) {
			count++
		}
		atStart = err == nil
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return count, err
		}
	}
}

// isInstalled tells a line "Status: WANT FLAG installed".
func isInstalled(line []byte) bool {
	const field = "status:"
	if len(line) < len(field) || !bytes.EqualFold(line[:len(field)], []byte(field)) {
		return false
	}
	words := bytes.Fields(line[len(field):])
	return len(words) == 3 && string(words[2]) == "installed"
}
