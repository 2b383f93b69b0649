// Package auth lets the one administrator in: a token shown once at first start, sessions in signed
// cookies, and a limit on guesses. It knows nothing of HTTP but the cookie's value; package web carries it.
//
// What is on disk, in the folder given to Open, both files 0600 and replaced whole:
//
//	admin.json   SHA-256 of the token, and the key that signs sessions
//	ended.json   sessions that were logged out, until they would have ended anyway
//
// Guarantees:
//   - The token itself is never stored: it leaves Open or Reset once and cannot be had again.
//   - A session ends 12 hours after its last use, 24 hours after its start, at log-out (then for every
//     copy of its cookie, and through a restart), and at Reset (then all of them, at once, in a running
//     server too).
//   - The token is compared in constant time, and no more often than Limits allow.
//   - Methods may be called from many goroutines; time arrives as a value.
package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nattevakt/nattevakt/images/durable"
)

// Errors of Login.
var (
	ErrWrongToken = errors.New("wrong administrator token")
	ErrTooMany    = errors.New("too many attempts, wait a little")
)

const (
	adminFile = "admin.json"
	endedFile = "ended.json"
	keyBytes  = 32
	maxFile   = 4 << 20
)

// credentials is the content of admin.json. SHA-256 suffices for the token: it is 256 random bits, not a
// password that people choose, so there is nothing for a slow hash to protect.
type credentials struct {
	TokenSHA256 []byte `json:"token_sha256"`
	SessionKey  []byte `json:"session_key"`
}

// Admin checks the administrator's token and sessions.
type Admin struct {
	dir    string
	limits *limiter

	mu    sync.Mutex // guards all below
	creds credentials
	file  fs.FileInfo // admin.json as last read
	ended endedSessions
}

// Open reads the administrator's credentials from dir, and makes them where there are none yet: then
// firstToken is the token to show, once; otherwise it is empty. dir must exist.
func Open(dir string) (a *Admin, firstToken string, err error) {
	if _, err := os.Stat(filepath.Join(dir, adminFile)); errors.Is(err, fs.ErrNotExist) {
		if firstToken, err = Reset(dir); err != nil {
			return nil, "", err
		}
	}
	a = &Admin{dir: dir, limits: newLimiter(DefaultLimits)}
	if err := a.reload(); err != nil {
		return nil, "", err
	}
	if a.ended, err = readEnded(filepath.Join(dir, endedFile)); err != nil {
		return nil, "", err
	}
	return a, firstToken, nil
}

// Reset replaces token and session key: the old token opens nothing any more and every session ends. A
// server that runs on dir notices at the next request. The new token is returned, once.
func Reset(dir string) (token string, err error) {
	token = newToken()
	sum := sha256.Sum256([]byte(token))
	data, err := json.Marshal(credentials{TokenSHA256: sum[:], SessionKey: randomBytes(keyBytes)})
	if err != nil {
		return "", fmt.Errorf("encode administrator: %w", err)
	}
	if err := durable.WriteFile(filepath.Join(dir, adminFile), data, 0o600); err != nil {
		return "", fmt.Errorf("write administrator: %w", err)
	}
	return token, nil
}

// Login checks the token someone at remote typed and starts a session. Errors are ErrWrongToken and
// ErrTooMany, or that the disk could not be read.
func (a *Admin) Login(remote netip.Addr, token string, now time.Time) (cookie string, err error) {
	if !a.limits.allow(remote, now) {
		return "", ErrTooMany
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.refreshLocked(); err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(token)))
	if subtle.ConstantTimeCompare(sum[:], a.creds.TokenSHA256) != 1 {
		return "", ErrWrongToken
	}
	return newSession(now).sign(a.creds.SessionKey), nil
}

// Check reports whether cookie is a live session at now. renewed is the cookie to send instead where the
// old one's last use is getting old, else empty.
func (a *Admin) Check(cookie string, now time.Time) (renewed string, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.openLocked(cookie, now)
	if !ok {
		return "", false
	}
	if now.Sub(s.Used) < renewAfter {
		return "", true
	}
	s.Used = now.Truncate(time.Second)
	return s.sign(a.creds.SessionKey), true
}

// Logout ends the session that cookie names, for every copy of it. A cookie that names none is no error.
func (a *Admin) Logout(cookie string, now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.openLocked(cookie, now)
	if !ok {
		return nil
	}
	a.ended.add(s, now)
	return a.ended.write(filepath.Join(a.dir, endedFile))
}

// openLocked reads a cookie; a.mu must be held. A disk that cannot be read lets nobody in.
func (a *Admin) openLocked(cookie string, now time.Time) (session, bool) {
	if err := a.refreshLocked(); err != nil {
		return session{}, false
	}
	s, ok := openSession(cookie, a.creds.SessionKey)
	if !ok || !s.liveAt(now) || a.ended.has(s) {
		return session{}, false
	}
	return s, true
}

// refreshLocked reads admin.json again if Reset has replaced it; a.mu must be held.
func (a *Admin) refreshLocked() error {
	fi, err := os.Stat(filepath.Join(a.dir, adminFile))
	if err != nil {
		return fmt.Errorf("read administrator: %w", err)
	}
	if os.SameFile(fi, a.file) && fi.ModTime().Equal(a.file.ModTime()) {
		return nil
	}
	return a.reload()
}

// reload reads admin.json; a.mu must be held once others can see a.
func (a *Admin) reload() error {
	path := filepath.Join(a.dir, adminFile)
	fi, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("read administrator: %w", err)
	}
	var c credentials
	if err := readJSON(path, &c); err != nil {
		return fmt.Errorf("read administrator: %w (remove the file and start again to make a new token)", err)
	}
	if len(c.TokenSHA256) != sha256.Size || len(c.SessionKey) != keyBytes {
		return fmt.Errorf("read administrator: %s lacks a key (remove it and start again to make a new token)", path)
	}
	a.creds, a.file = c, fi
	return nil
}

func readJSON(path string, v any) error {
	fi, err := os.Stat(path)
	if err != nil {
		return err
	}
	if fi.Size() > maxFile {
		return fmt.Errorf("%s: %d bytes, more than this file can have", path, fi.Size())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// newToken gives 256 random bits in 43 characters that survive copying.
func newToken() string { return base64.RawURLEncoding.EncodeToString(randomBytes(32)) }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails: crypto/rand ends the program instead
	return b
}
