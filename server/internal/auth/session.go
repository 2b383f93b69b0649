package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/nattevakt/nattevakt/images/durable"
)

// How long a session lives.
const (
	IdleEnd     = 12 * time.Hour
	AbsoluteEnd = 24 * time.Hour
	// renewAfter spares most requests a new cookie; idle time is known to this much.
	renewAfter = 5 * time.Minute
	// clockSlack allows the server's clock to be set back a little.
	clockSlack = time.Minute
)

// session is what a cookie says: 16 random bytes, start and last use in Unix seconds (big-endian), then
// HMAC-SHA-256 over them, all in base64url. The server keeps no table of live sessions: a restart logs
// nobody out.
type session struct {
	ID            [16]byte
	Started, Used time.Time
}

const (
	sessionBytes = 16 + 8 + 8
	signedBytes  = sessionBytes + sha256.Size
)

func newSession(now time.Time) session {
	now = now.Truncate(time.Second)
	return session{ID: [16]byte(randomBytes(16)), Started: now, Used: now}
}

func (s session) liveAt(t time.Time) bool {
	return !t.Before(s.Used.Add(-clockSlack)) && t.Before(s.Used.Add(IdleEnd)) && t.Before(s.Started.Add(AbsoluteEnd))
}

func (s session) sign(key []byte) string {
	b := make([]byte, 0, signedBytes)
	b = append(b, s.ID[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(s.Started.Unix()))
	b = binary.BigEndian.AppendUint64(b, uint64(s.Used.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(b, mac(key, b)...))
}

// openSession is the inverse of sign; ok is false for anything that key did not sign.
func openSession(cookie string, key []byte) (s session, ok bool) {
	if len(cookie) != base64.RawURLEncoding.EncodedLen(signedBytes) {
		return session{}, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cookie)
	if err != nil || !hmac.Equal(b[sessionBytes:], mac(key, b[:sessionBytes])) {
		return session{}, false
	}
	s.ID = [16]byte(b[:16])
	s.Started = time.Unix(int64(binary.BigEndian.Uint64(b[16:])), 0)
	s.Used = time.Unix(int64(binary.BigEndian.Uint64(b[24:])), 0)
	return s, true
}

func mac(key, data []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(data)
	return h.Sum(nil)
}

// endedSessions maps the id of a logged-out session to when it would have ended anyway. Only signed
// cookies get in, and the limit on log-ins bounds how many of those a day can bring.
type endedSessions map[string]time.Time

func (e endedSessions) has(s session) bool {
	_, ok := e[s.key()]
	return ok
}

func (e endedSessions) add(s session, now time.Time) {
	for id, end := range e {
		if !now.Before(end) {
			delete(e, id)
		}
	}
	e[s.key()] = s.Started.Add(AbsoluteEnd)
}

func (e endedSessions) write(path string) error {
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode ended sessions: %w", err)
	}
	if err := durable.WriteFile(path, data, 0o600); err != nil {
		return fmt.Errorf("write ended sessions: %w", err)
	}
	return nil
}

func readEnded(path string) (endedSessions, error) {
	e := endedSessions{}
	err := readJSON(path, &e)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read ended sessions: %w (delete the file to go on; log-outs of the last day are then forgotten)", err)
	}
	if e == nil { // the file said null
		e = endedSessions{}
	}
	return e, nil
}

func (s session) key() string { return base64.RawURLEncoding.EncodeToString(s.ID[:]) }
