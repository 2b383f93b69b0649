package auth_test

import (
	"encoding/base64"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/server/internal/auth"
)

var (
	start = time.Date(2026, 11, 22, 13, 5, 0, 0, time.UTC)
	home  = netip.MustParseAddr("192.0.2.1")
)

func open(t *testing.T, dir string) (*auth.Admin, string) {
	t.Helper()
	a, token, err := auth.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a, token
}

func login(t *testing.T, a *auth.Admin, token string, at time.Time) string {
	t.Helper()
	cookie, err := a.Login(home, token, at)
	if err != nil {
		t.Fatal(err)
	}
	return cookie
}

func live(a *auth.Admin, cookie string, at time.Time) bool {
	_, ok := a.Check(cookie, at)
	return ok
}

func TestTokenIsShownOnceAndNeverStored(t *testing.T) {
	dir := t.TempDir()
	_, token := open(t, dir)
	if raw, err := base64.RawURLEncoding.DecodeString(token); err != nil || len(raw) != 32 {
		t.Fatalf("token %q: want 256 bits in base64url", token)
	}
	if _, again := open(t, dir); again != "" {
		t.Errorf("second Open gave a token again")
	}
	data, err := os.ReadFile(filepath.Join(dir, "admin.json"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), token) {
		t.Errorf("the token is on disk")
	}
}

func TestFilesAreForTheServerOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs Unix permissions")
	}
	dir := t.TempDir()
	a, token := open(t, dir)
	if err := a.Logout(login(t, a, token, start), start); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"admin.json", "ended.json"} {
		fi, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := fi.Mode().Perm(); got != 0o600 {
			t.Errorf("%s: mode %o, want 600", name, got)
		}
	}
}

func TestLoginTakesOnlyTheToken(t *testing.T) {
	a, token := open(t, t.TempDir())
	for _, wrong := range []string{"", " ", token[:42], token + "x", strings.ToUpper(token), "null"} {
		if _, err := a.Login(home, wrong, start); !errors.Is(err, auth.ErrWrongToken) {
			t.Errorf("token %q: error %v, want ErrWrongToken", wrong, err)
		}
	}
	if !live(a, login(t, a, " "+token+"\n", start), start) {
		t.Errorf("a token copied with its line end opens no session")
	}
}

func TestSessionEnds(t *testing.T) {
	a, token := open(t, t.TempDir())
	cookie := login(t, a, token, start)
	for _, c := range []struct {
		name  string
		after time.Duration
		live  bool
	}{
		{"at once", 0, true},
		{"just before the idle end", auth.IdleEnd - time.Second, true},
		{"idle", auth.IdleEnd, false},
		{"clock set back a little", -30 * time.Second, true},
		{"clock set back a day", -24 * time.Hour, false},
	} {
		if got := live(a, cookie, start.Add(c.after)); got != c.live {
			t.Errorf("%s: live %v, want %v", c.name, got, c.live)
		}
	}
}

func TestUseKeepsASessionUntilItsAbsoluteEnd(t *testing.T) {
	a, token := open(t, t.TempDir())
	cookie, end := login(t, a, token, start), start.Add(auth.AbsoluteEnd)
	for at := start; at.Before(end); at = at.Add(time.Hour) {
		renewed, ok := a.Check(cookie, at)
		if !ok {
			t.Fatalf("ended after %v of use", at.Sub(start))
		}
		if renewed != "" {
			cookie = renewed
		}
	}
	if live(a, cookie, end) {
		t.Errorf("still live after %v", auth.AbsoluteEnd)
	}
}

func TestLogoutEndsEveryCopyAndSurvivesRestart(t *testing.T) {
	dir := t.TempDir()
	a, token := open(t, dir)
	first := login(t, a, token, start)
	other := login(t, a, token, start)
	later := start.Add(time.Hour)
	renewed, _ := a.Check(first, later)
	if renewed == "" {
		t.Fatal("no renewed cookie after an hour")
	}
	if err := a.Logout(renewed, later); err != nil {
		t.Fatal(err)
	}
	restarted, _ := open(t, dir)
	for name, a := range map[string]*auth.Admin{"running": a, "restarted": restarted} {
		if live(a, first, later) || live(a, renewed, later) {
			t.Errorf("%s: a logged-out session is live", name)
		}
		if !live(a, other, later) {
			t.Errorf("%s: another session ended with it", name)
		}
	}
}

func TestForgedCookiesOpenNothing(t *testing.T) {
	a, token := open(t, t.TempDir())
	cookie := login(t, a, token, start)
	for i := range cookie {
		forged := cookie[:i] + flip(cookie[i]) + cookie[i+1:]
		if live(a, forged, start) {
			t.Errorf("a cookie with character %d changed is live", i)
		}
	}
	stranger, strangersToken := open(t, t.TempDir())
	for _, c := range []string{"", "x", cookie + "A", strings.Repeat("A", len(cookie)), login(t, stranger, strangersToken, start)} {
		if live(a, c, start) {
			t.Errorf("cookie %q is live", c)
		}
	}
}

func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

func TestResetEndsAllInARunningServer(t *testing.T) {
	dir := t.TempDir()
	a, token := open(t, dir)
	cookie := login(t, a, token, start)
	fresh, err := auth.Reset(dir)
	if err != nil {
		t.Fatal(err)
	}
	if live(a, cookie, start) {
		t.Errorf("a session outlived Reset")
	}
	if _, err := a.Login(home, token, start); !errors.Is(err, auth.ErrWrongToken) {
		t.Errorf("old token: error %v, want ErrWrongToken", err)
	}
	login(t, a, fresh, start)
}

func TestAttemptsAreLimited(t *testing.T) {
	a, token := open(t, t.TempDir())
	for range auth.DefaultLimits.PerAddressBurst {
		if _, err := a.Login(home, "guess", start); !errors.Is(err, auth.ErrWrongToken) {
			t.Fatalf("error %v within the burst", err)
		}
	}
	if _, err := a.Login(home, token, start); !errors.Is(err, auth.ErrTooMany) {
		t.Errorf("right token over the limit: error %v, want ErrTooMany", err)
	}
	if _, err := a.Login(netip.MustParseAddr("198.51.100.7"), token, start); err != nil {
		t.Errorf("another address: %v", err)
	}
	login(t, a, token, start.Add(10*time.Second))
}

func TestAttemptsAreLimitedGlobally(t *testing.T) {
	a, _ := open(t, t.TempDir())
	refused := 0
	for i := range 2 * auth.DefaultLimits.GlobalBurst {
		addr := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		if _, err := a.Login(addr, "guess", start); errors.Is(err, auth.ErrTooMany) {
			refused++
		}
	}
	if refused != auth.DefaultLimits.GlobalBurst {
		t.Errorf("%d of %d refused, want the half over the burst", refused, 2*auth.DefaultLimits.GlobalBurst)
	}
}

func TestDamagedFilesSayWhatToDo(t *testing.T) {
	for name, content := range map[string]string{
		"truncated": `{"token_sha256":"`,
		"empty":     ``,
		"no key":    `{"token_sha256":"AAAA"}`,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "admin.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := auth.Open(dir)
		if err == nil || !strings.Contains(err.Error(), "start again") {
			t.Errorf("%s: error %v, want one that says what to do", name, err)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	dir := t.TempDir()
	a, token := open(t, dir)
	cookie := login(t, a, token, start)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				live(a, cookie, start)
				_, _ = a.Login(home, "guess", start)
				if err := a.Logout(loginOrNone(a, token), start); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// loginOrNone gives a cookie, or what is none where the limit is reached.
func loginOrNone(a *auth.Admin, token string) string {
	cookie, err := a.Login(netip.MustParseAddr("203.0.113.5"), token, start)
	if err != nil {
		return ""
	}
	return cookie
}
