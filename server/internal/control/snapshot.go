package control

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"

	"github.com/nattevakt/nattevakt/images/durable"
	"github.com/nattevakt/nattevakt/proto/id"
)

// The presence snapshot: magic, rows of snapshotRow bytes, CRC-32C of all before it, little-endian.
const snapshotMagic = "NVPRES1\n"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// saveSnapshot writes who was heard when. A shard is locked only while its rows are copied.
func (t *hotTable) saveSnapshot(path string) (err error) {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("presence snapshot: %w", err)
	}
	defer func() {
		if err != nil {
			_ = f.Close() // the write's error is the one to tell
			err = fmt.Errorf("presence snapshot %s: %w", path, err)
		}
	}()
	sum := crc32.New(castagnoli)
	w := bufio.NewWriterSize(io.MultiWriter(f, sum), 1<<20)
	if _, err := w.WriteString(snapshotMagic); err != nil {
		return err
	}
	for i := range t.shards {
		if _, err := w.Write(t.shards[i].snapshot()); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := binary.Write(f, binary.LittleEndian, sum.Sum32()); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return durable.Rename(tmp, path)
}

func (s *shard) snapshot() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := make([]byte, 0, int(s.used)*snapshotRow)
	for i := range s.used {
		if r := s.atLocked(i); r.seen != 0 {
			b = r.appendTo(b)
		}
	}
	return b
}

// loadSnapshot fills presence for the devices already in the table. A missing file is no error; a
// damaged one is reported and changes nothing: presence comes back with the next check-ins.
func (t *hotTable) loadSnapshot(path string) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("presence snapshot: %w", err)
	}
	rows, err := snapshotRows(b)
	if err != nil {
		return fmt.Errorf("presence snapshot %s is damaged and was left out (devices show again as they check in): %w", path, err)
	}
	for ; len(rows) > 0; rows = rows[snapshotRow:] {
		if h, ok := t.find(id.Device(rows[:16])); ok {
			h.with(func(r *row) { r.readFrom(rows) })
		}
	}
	return nil
}

func snapshotRows(b []byte) ([]byte, error) {
	if len(b) < len(snapshotMagic)+4 || string(b[:len(snapshotMagic)]) != snapshotMagic {
		return nil, errors.New("not a snapshot")
	}
	body, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return nil, errors.New("checksum differs")
	}
	rows := body[len(snapshotMagic):]
	if len(rows)%snapshotRow != 0 {
		return nil, errors.New("length is odd")
	}
	return rows, nil
}
