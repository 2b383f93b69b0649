package auth

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/time/rate"
)

func TestLimiterTableIsBounded(t *testing.T) {
	l := newLimiter(Limits{PerAddress: 1, PerAddressBurst: 1, Global: rate.Inf, Addresses: 16})
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for i := range 1000 {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], uint32(i))
		l.allow(netip.AddrFrom4(a), now)
		if len(l.byAddr) > 16 {
			t.Fatalf("%d addresses remembered, want at most 16", len(l.byAddr))
		}
	}
}

func TestNetworkIsWhatOneSubscriberHas(t *testing.T) {
	for _, c := range []struct{ a, b string }{
		{"2001:db8::1", "2001:db8::ffff:2"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"fe80::1%eth0", "fe80::1%eth1"},
	} {
		if network(netip.MustParseAddr(c.a)) != network(netip.MustParseAddr(c.b)) {
			t.Errorf("%s and %s count as two", c.a, c.b)
		}
	}
	if network(netip.MustParseAddr("192.0.2.1")) == network(netip.MustParseAddr("192.0.2.2")) {
		t.Errorf("two IPv4 addresses count as one")
	}
}

func FuzzOpenSession(f *testing.F) {
	key := []byte("0123456789abcdef0123456789abcdef")
	f.Add(newSession(time.Unix(1795352700, 0)).sign(key))
	f.Add("")
	f.Fuzz(func(t *testing.T, cookie string) {
		s, ok := openSession(cookie, key)
		if ok && s.sign(key) != cookie {
			t.Errorf("cookie %q opens but is not what sign gives", cookie)
		}
	})
}
