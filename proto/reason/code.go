package reason

import (
	"fmt"
	"strconv"
	"strings"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// Kind groups reasons by what went wrong. It decides whether trying again can help.
type Kind uint8

// The kinds of reason. KindNone is that of None alone.
const (
	KindNone Kind = iota
	KindIdentity
	KindContact
	KindWork
	KindNetwork
	KindPower
	KindDisk
	KindContent
	KindPolicy
	KindInternal
)

var kindNames = [...]string{"none", "identity", "contact", "work", "network", "power", "disk", "content", "policy", "internal"}

func (k Kind) String() string {
	if int(k) >= len(kindNames) {
		return fmt.Sprintf("kind_%d", uint8(k))
	}
	return kindNames[k]
}

const (
	contractPrefix = "REASON_"
	unknownPrefix  = "reason_"
)

// String gives the stable lower-case name, as in "identity_cloned"; None is "none", and a number that
// this build does not know is "reason_" and the number.
func (c Code) String() string {
	if c == None {
		return "none"
	}
	name, known := nattevaktv1.Reason_name[int32(c)]
	if !known {
		return unknownPrefix + strconv.Itoa(int(c))
	}
	return strings.ToLower(strings.TrimPrefix(name, contractPrefix))
}

// Parse reads exactly what String gives.
func Parse(name string) (Code, error) {
	if name == "none" {
		return None, nil
	}
	c, ok := byName(name)
	if !ok || c.String() != name {
		return None, fmt.Errorf("reason %.60q: no such reason", name)
	}
	return c, nil
}

func byName(name string) (Code, bool) {
	if digits, ok := strings.CutPrefix(name, unknownPrefix); ok {
		n, err := strconv.ParseUint(digits, 10, 16)
		return Code(n), err == nil
	}
	n, ok := nattevaktv1.Reason_value[contractPrefix+strings.ToUpper(name)]
	return Code(n), ok
}

// Kind says what sort of trouble the reason is; a code that this build does not know is KindInternal.
func (c Code) Kind() Kind {
	if t, ok := texts[c]; ok {
		return t.kind
	}
	return KindInternal
}

// Sentence is one short sentence for people, in "en" or else in Norwegian bokmål. That of None is empty.
func (c Code) Sentence(lang string) string {
	t, ok := texts[c]
	switch {
	case !ok && lang == "en":
		return fmt.Sprintf("Unknown reason (code %d).", uint16(c))
	case !ok:
		return fmt.Sprintf("Ukjent årsak (kode %d).", uint16(c))
	case lang == "en":
		return t.en.sentence
	default:
		return t.nb.sentence
	}
}

// NextStep tells Driftstøtte what to do about it, in "en" or else in Norwegian bokmål. That of None is
// empty.
func (c Code) NextStep(lang string) string {
	t, ok := texts[c]
	switch {
	case !ok && lang == "en":
		return "Update the program that shows this: it is older than the one that gave the reason."
	case !ok:
		return "Oppdater programmet som viser dette: det er eldre enn det som ga årsaken."
	case lang == "en":
		return t.en.next
	default:
		return t.nb.next
	}
}
