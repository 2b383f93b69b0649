package apply

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/zeebo/blake3"

	"github.com/nattevakt/nattevakt/images/chunk"
	"github.com/nattevakt/nattevakt/images/durable"
	"github.com/nattevakt/nattevakt/images/release"
)

// The chunk log is the stage's one growing file: logMagic, then one record per chunk.
//
//	offset size
//	     0    4  number of the chunk in the index, little endian
//	     4    4  length of the content
//	     8    4  length of the payload; equal to length: the content itself, else compressed (package codec)
//	    12   32  digest of the content
//	    44   20  BLAKE3 of the 44 bytes before and the payload, first 20 bytes
//	    64       payload
//
// Records are whole or, at the end after a cut, torn; a sum that fails ends the log.
const (
	logMagic   = "NVSTAGE1"
	recordHead = 64
	recordSum  = 44
	maxRecord  = recordHead + chunk.MaxSize
	// syncEvery bounds what a power cut can take from the log, together with what is on its way
	// (fetchers × rangeSize) at most 32 MiB.
	syncEvery = 16 << 20
)

var errDamaged = errors.New("stage is damaged")

// chunkLog holds staged chunks of one release. append may be called by several goroutines at once, read
// also; not both.
type chunkLog struct {
	f     *os.File
	index *release.Index
	at    []int64 // where the record of a chunk starts; 0: not there

	mu       sync.Mutex
	end      int64 // protected by mu, as what follows
	unsynced int64
}

// openLog opens or makes the log at path and cuts off what a kill or power cut left torn.
func openLog(path string, x *release.Index) (*chunkLog, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	l := &chunkLog{f: f, index: x}
	if err := l.scan(); errors.Is(err, errDamaged) {
		err = l.cut()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
	} else if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

// readLog opens the log at path for reading; any damage is an error.
func readLog(path string, x *release.Index) (*chunkLog, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	l := &chunkLog{f: f, index: x}
	if err := l.scan(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

func (l *chunkLog) close() error { return l.f.Close() }

// cut drops everything behind the last good record.
func (l *chunkLog) cut() error {
	if err := l.f.Truncate(l.end); err != nil {
		return err
	}
	if l.end == 0 {
		if _, err := l.f.WriteAt([]byte(logMagic), 0); err != nil {
			return err
		}
		l.end = int64(len(logMagic))
	}
	if err := l.f.Sync(); err != nil {
		return err
	}
	return durable.SyncDir(dirOf(l.f.Name()))
}

// scan reads the log from its start and notes where each chunk lies. l.end is behind the last good record.
func (l *chunkLog) scan() error {
	l.at = make([]int64, len(l.index.Chunks))
	r := bufio.NewReaderSize(l.f, 1<<20)
	magic := make([]byte, len(logMagic))
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != logMagic {
		return damaged(err, 0)
	}
	l.end = int64(len(logMagic))
	record := make([]byte, maxRecord)
	for {
		n, err := readRecord(r, record)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return damaged(err, l.end)
		}
		number := binary.LittleEndian.Uint32(record)
		if !l.describes(record, number) {
			return damaged(nil, l.end)
		}
		l.at[number] = l.end
		l.end += int64(n)
	}
}

// damaged gives errDamaged for bytes that are missing or wrong, and trouble of the disk as it is.
func damaged(err error, at int64) error {
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, errDamaged) {
		return err
	}
	return fmt.Errorf("%w at %d: fetch again", errDamaged, at)
}

// readRecord reads one record and checks its sum. io.EOF is the proper end.
func readRecord(r io.Reader, buf []byte) (int, error) {
	if _, err := io.ReadFull(r, buf[:recordHead]); err != nil {
		return 0, err
	}
	payload := binary.LittleEndian.Uint32(buf[8:])
	if payload > chunk.MaxSize {
		return 0, errDamaged
	}
	n := recordHead + int(payload)
	if _, err := io.ReadFull(r, buf[recordHead:n]); err != nil {
		return 0, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if !goodSum(buf[:n]) {
		return 0, errDamaged
	}
	return n, nil
}

func goodSum(record []byte) bool {
	sum := recordSumOf(record)
	return string(sum[:recordHead-recordSum]) == string(record[recordSum:recordHead])
}

func recordSumOf(record []byte) (sum [32]byte) {
	h := blake3.New()
	_, _ = h.Write(record[:recordSum]) // a hash never fails
	_, _ = h.Write(record[recordHead:])
	h.Sum(sum[:0])
	return sum
}

// describes reports whether the head of a record is that of the chunk with this number.
func (l *chunkLog) describes(record []byte, number uint32) bool {
	if int64(number) >= int64(len(l.index.Chunks)) {
		return false
	}
	c := l.index.Chunks[number]
	return c.Length == binary.LittleEndian.Uint32(record[4:]) && chunk.Digest(record[12:recordSum]) == c.Digest
}

func (l *chunkLog) holds(number int32) bool { return l.at[number] != 0 }

// append adds a chunk in its stored form, which is record from recordHead on; the head is filled in here.
// The caller has checked that it is the chunk.
func (l *chunkLog) append(number int32, record []byte) error {
	c := l.index.Chunks[number]
	binary.LittleEndian.PutUint32(record, uint32(number))
	binary.LittleEndian.PutUint32(record[4:], c.Length)
	binary.LittleEndian.PutUint32(record[8:], uint32(len(record)-recordHead))
	copy(record[12:], c.Digest[:])
	sum := recordSumOf(record)
	copy(record[recordSum:recordHead], sum[:])

	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.f.WriteAt(record, l.end); err != nil {
		return errors.Join(err, l.f.Truncate(l.end))
	}
	l.at[number] = l.end
	l.end += int64(len(record))
	if l.unsynced += int64(len(record)); l.unsynced >= syncEvery {
		return l.syncLocked()
	}
	return nil
}

func (l *chunkLog) sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.syncLocked()
}

func (l *chunkLog) syncLocked() error {
	l.unsynced = 0
	return l.f.Sync()
}

// read gives the stored form of a chunk that the log holds, in buf's array. The content is not checked.
func (l *chunkLog) read(number int32, buf []byte) ([]byte, error) {
	at := l.at[number]
	head := buf[:recordHead]
	if _, err := l.f.ReadAt(head, at); err != nil {
		return nil, err
	}
	payload := binary.LittleEndian.Uint32(head[8:])
	if !l.describes(head, uint32(number)) || payload > chunk.MaxSize {
		return nil, damaged(nil, at)
	}
	stored := buf[recordHead : recordHead+int(payload)]
	_, err := l.f.ReadAt(stored, at+recordHead)
	return stored, err
}
