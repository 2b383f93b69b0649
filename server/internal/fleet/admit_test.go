package fleet_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
)

var now = time.Date(2026, 11, 22, 22, 0, 0, 0, time.UTC)

const (
	uuidA = "4c4c4544-0030-3010-8031-b2c04f303732"
	uuidB = "4c4c4544-0030-3010-8031-b2c04f303733"
)

func caller(change ...func(*fleet.Caller)) fleet.Caller {
	c := fleet.Caller{
		Hardware:       fleet.Hardware{Vendor: "Dell", ModelKey: "0C0B", Serial: "ABC1234", SystemUUID: uuidA},
		HardwareDigest: []byte("hardware-of-A---"), KeySHA256: []byte("key-1"), KeyHeld: "file",
	}
	for _, f := range change {
		f(&c)
	}
	return c
}

func token(change ...func(*fleet.Token)) *fleet.Token {
	t := &fleet.Token{ID: "t", Site: "solvang", MaxUses: 2, ExpiresAt: now.Add(time.Hour)}
	for _, f := range change {
		f(t)
	}
	return t
}

func announced(change ...func(*fleet.Device)) fleet.Device {
	d := fleet.Device{
		ID: id.NewDevice(), State: fleet.Announced, Hardware: fleet.Hardware{Serial: "ABC1234"},
		Place: fleet.Place{Owner: "nordvik", Site: "solvang", Cabinet: "solvang-a", Slot: 7},
	}
	for _, f := range change {
		f(&d)
	}
	return d
}

func enrolled(change ...func(*fleet.Device)) fleet.Device {
	c := caller()
	return announced(append([]func(*fleet.Device){func(d *fleet.Device) {
		d.State, d.Hardware = fleet.Active, c.Hardware
		d.Identity = fleet.Identity{KeySHA256: c.KeySHA256, HardwareDigest: c.HardwareDigest, CertSerial: []byte{1}}
	}}, change...)...)
}

func otherKey(c *fleet.Caller) { c.KeySHA256 = []byte("key-2") }
func otherMachine(c *fleet.Caller) {
	c.Hardware.SystemUUID, c.HardwareDigest = uuidB, []byte("hardware-of-B---")
}
func withTPM(c *fleet.Caller) { c.EKSHA256 = []byte("ek") }
func proven(c *fleet.Caller)  { c.EKSHA256, c.Proven = []byte("ek"), true }

func TestAdmit(t *testing.T) {
	for _, tc := range []struct {
		name   string
		caller fleet.Caller
		token  *fleet.Token
		known  []fleet.Device
		want   fleet.Verdict
		reason reason.Code
		counts bool
	}{
		{"a good token", caller(), token(), nil, fleet.Issue, reason.None, true},
		{"a token and an announcement", caller(), token(), []fleet.Device{announced()}, fleet.Issue, reason.None, true},
		{"the answer was lost", caller(), token(), []fleet.Device{enrolled()}, fleet.Issue, reason.None, false},
		{"the answer was lost, the token ran out meanwhile", caller(), token(func(t *fleet.Token) { t.ExpiresAt = now }), []fleet.Device{enrolled()}, fleet.Issue, reason.None, false},
		{"reinstalled by hand, with a token", caller(otherKey), token(), []fleet.Device{enrolled()}, fleet.Issue, reason.None, true},
		{"reinstalled by hand, without a token", caller(otherKey), nil, []fleet.Device{enrolled()}, fleet.Refuse, reason.DuplicateSerial, false},
		{"a token of another school", caller(), token(func(t *fleet.Token) { t.Site = "fjell" }), []fleet.Device{announced()}, fleet.Refuse, reason.WrongSite, false},
		{"a token that ran out", caller(), token(func(t *fleet.Token) { t.ExpiresAt = now }), nil, fleet.Refuse, reason.TokenExpired, false},
		{"a token used once too often", caller(), token(func(t *fleet.Token) { t.Uses = 2 }), nil, fleet.Refuse, reason.TokenUsedUp, false},
		{"a revoked token", caller(), token(func(t *fleet.Token) { t.Revoked = true }), nil, fleet.Refuse, reason.TokenRevoked, false},
		{"a stranger", caller(), nil, nil, fleet.Refuse, reason.UnknownDevice, false},
		{"an announced serial alone", caller(), nil, []fleet.Device{announced()}, fleet.Wait, reason.AwaitingApproval, false},
		{"an announced serial and some TPM", caller(proven), nil, []fleet.Device{announced()}, fleet.Wait, reason.AwaitingApproval, false},
		{"the announced TPM, not proven", caller(withTPM), nil, []fleet.Device{announced(func(d *fleet.Device) { d.Delivery.TPMKeySHA256 = []byte("ek") })}, fleet.Wait, reason.AwaitingApproval, false},
		{"the announced TPM, proven", caller(proven), nil, []fleet.Device{announced(func(d *fleet.Device) { d.Delivery.TPMKeySHA256 = []byte("ek") })}, fleet.Issue, reason.None, false},
		{"approved by a person", caller(), nil, []fleet.Device{announced(func(d *fleet.Device) {
			d.State, d.Identity.Approved, d.Identity.KeySHA256 = fleet.Pending, true, []byte("key-1")
		})}, fleet.Issue, reason.None, false},
		{"another machine after the approval", caller(otherKey), nil, []fleet.Device{announced(func(d *fleet.Device) {
			d.State, d.Identity.Approved, d.Identity.KeySHA256 = fleet.Pending, true, []byte("key-1")
		})}, fleet.Wait, reason.AwaitingApproval, false},
		{"a second machine with the serial, with a token", caller(otherMachine), token(), []fleet.Device{enrolled()}, fleet.Wait, reason.DuplicateSerial, false},
		{"the serial without the UUID, with a token", caller(func(c *fleet.Caller) { c.Hardware.SystemUUID = "" }, otherKey), token(), []fleet.Device{enrolled()}, fleet.Wait, reason.DuplicateSerial, false},
		{"a second machine with the serial, without", caller(otherMachine), nil, []fleet.Device{enrolled()}, fleet.Refuse, reason.DuplicateSerial, false},
		{"a revoked machine with a token", caller(), token(), []fleet.Device{announced(func(d *fleet.Device) { d.State = fleet.Revoked })}, fleet.Refuse, reason.IdentityRevoked, false},
		{"a retired machine with a token", caller(), token(), []fleet.Device{announced(func(d *fleet.Device) { d.State = fleet.Retired })}, fleet.Refuse, reason.Retired, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := fleet.Admit(tc.caller, tc.token, tc.known, now)
			if got.Verdict != tc.want || got.Reason != tc.reason || got.UseToken != tc.counts {
				t.Errorf("got verdict %d, %v, counts %v; want %d, %v, %v", got.Verdict, got.Reason, got.UseToken, tc.want, tc.reason, tc.counts)
			}
		})
	}
}

func TestAdmitKeepsThePlaceOfTheAnnouncement(t *testing.T) {
	a := announced()
	got := fleet.Admit(caller(), token(), []fleet.Device{a}, now).Device
	if got.ID != a.ID || got.Place != a.Place || got.State != fleet.Active || got.Hardware.ModelKey != "0C0B" {
		t.Errorf("got %+v", got)
	}
}

// Whatever comes, nothing enters without a usable token, an approval for its key, or its announced TPM,
// unless it is in already with the same key and hardware.
func TestAdmitOpensToNobodyElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := caller()
		c.Hardware.Serial = rapid.SampledFrom([]string{"", "ABC1234", "XYZ"}).Draw(t, "serial")
		c.Hardware.SystemUUID = rapid.SampledFrom([]string{"", uuidA, uuidB}).Draw(t, "uuid")
		c.KeySHA256 = []byte(rapid.SampledFrom([]string{"key-1", "key-2"}).Draw(t, "key"))
		if rapid.Bool().Draw(t, "tpm") {
			c.EKSHA256, c.Proven = []byte(rapid.SampledFrom([]string{"ek", "ek-2"}).Draw(t, "ek")), rapid.Bool().Draw(t, "proven")
		}
		var known []fleet.Device
		for range rapid.IntRange(0, 3).Draw(t, "known") {
			known = append(known, enrolled(func(d *fleet.Device) {
				d.State = fleet.State(rapid.IntRange(1, 5).Draw(t, "state"))
				d.Identity.Approved = rapid.Bool().Draw(t, "approved")
				d.Hardware.SystemUUID = rapid.SampledFrom([]string{"", uuidA, uuidB}).Draw(t, "known uuid")
				if rapid.Bool().Draw(t, "announced TPM") {
					d.Delivery.TPMKeySHA256 = []byte("ek")
				}
			}))
		}
		got := fleet.Admit(c, nil, known, now)
		if got.Verdict != fleet.Issue {
			return
		}
		for _, d := range known {
			if d.ID != got.Device.ID {
				continue
			}
			again := d.State == fleet.Active && string(d.Identity.KeySHA256) == string(c.KeySHA256)
			approved := d.Identity.Approved && string(d.Identity.KeySHA256) == string(c.KeySHA256)
			tpm := c.Proven && string(c.EKSHA256) == string(d.Delivery.TPMKeySHA256)
			if (again || approved || tpm) && d.State != fleet.Revoked && d.State != fleet.Retired {
				return
			}
		}
		t.Fatalf("let in %+v among %+v", c, known)
	})
}

func TestJudge(t *testing.T) {
	identity := fleet.Identity{CertSerial: []byte{2}, PreviousSerial: []byte{1}, HardwareDigest: []byte("hw")}
	presence := fleet.Presence{BootID: [16]byte{2}, PreviousBoot: [16]byte{1}}
	boot := func(b byte) []byte { id := [16]byte{b}; return id[:] }
	for _, tc := range []struct {
		name  string
		state fleet.State
		call  fleet.Call
		want  reason.Code
	}{
		{"as enrolled", fleet.Active, fleet.Call{CertSerial: []byte{2}, HardwareDigest: []byte("hw"), BootID: boot(2)}, reason.None},
		{"a new boot", fleet.Active, fleet.Call{CertSerial: []byte{2}, HardwareDigest: []byte("hw"), BootID: boot(3)}, reason.None},
		{"the certificate before, not yet replaced in use", fleet.Active, fleet.Call{CertSerial: []byte{1}, HardwareDigest: []byte("hw")}, reason.None},
		{"an older certificate", fleet.Active, fleet.Call{CertSerial: []byte{9}, HardwareDigest: []byte("hw")}, reason.IdentityCloned},
		{"other hardware", fleet.Active, fleet.Call{CertSerial: []byte{2}, HardwareDigest: []byte("xx")}, reason.IdentityCloned},
		{"a boot that came back", fleet.Active, fleet.Call{CertSerial: []byte{2}, HardwareDigest: []byte("hw"), BootID: boot(1)}, reason.IdentityCloned},
		{"revoked", fleet.Revoked, fleet.Call{CertSerial: []byte{2}}, reason.IdentityRevoked},
		{"retired", fleet.Retired, fleet.Call{CertSerial: []byte{2}}, reason.Retired},
		{"waiting", fleet.Pending, fleet.Call{CertSerial: []byte{2}}, reason.AwaitingApproval},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := fleet.Judge(tc.state, identity, presence, tc.call); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestPace(t *testing.T) {
	const interval = 15 * time.Minute
	rapid.Check(t, func(t *rapid.T) {
		var dev id.Device
		copy(dev[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "device"))
		seq := rapid.Uint64().Draw(t, "seq")
		at := now.Add(time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, "now")))
		wait := fleet.Pace(dev, seq, interval, at)
		if wait != fleet.Pace(dev, seq, interval, at) {
			t.Fatal("the same question, another answer")
		}
		if wait < interval/2 || wait > interval*16/10 {
			t.Fatalf("%v is not between half and 1.6 of %v", wait, interval)
		}
	})
}

// A fleet that was stopped together comes back spread over the interval.
func TestPaceSpreads(t *testing.T) {
	const devices, interval = 10_000, time.Minute
	var perSecond [96]int
	for range devices {
		perSecond[fleet.Pace(id.NewDevice(), 1, interval, now)/time.Second]++
	}
	for s, n := range perSecond {
		if n > 3*devices/60 {
			t.Errorf("%d of %d devices come in second %d", n, devices, s)
		}
	}
}
