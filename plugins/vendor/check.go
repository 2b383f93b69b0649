package vendor

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	nameForm   = regexp.MustCompile(`^[a-z][a-z0-9]{0,31}$`)
	sha256Form = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// ErrNonsense is what an answer breaks that no working plugin gives.
var ErrNonsense = errors.New("the plugin's answer makes no sense")

// Formats are the kinds of file a pack may be.
var Formats = map[string]bool{"cab": true, "exe": true, "msi": true, "zip": true}

func nonsense(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrNonsense, fmt.Sprintf(format, args...))
}

// Check says what is wrong with i, as an ErrNonsense.
func (i Info) Check() error {
	switch {
	case !nameForm.MatchString(i.Name):
		return nonsense("name %.64q is not of lower-case letters and digits", i.Name)
	case !tidy(i.Version) || i.Version == "":
		return nonsense("version %.64q", i.Version)
	case len(i.Vendors) > 64:
		return nonsense("%d vendors", len(i.Vendors))
	}
	for _, v := range i.Vendors {
		if v == "" || !tidy(v) {
			return nonsense("vendor %.64q", v)
		}
	}
	return nil
}

// Check says what is wrong with i, as an ErrNonsense.
func (i Identity) Check() error {
	switch {
	case !i.Mine && (i.ModelKey != "" || i.Name != ""):
		return nonsense("it names a model it says is not its own: %.64q", i.ModelKey)
	case !tidy(i.ModelKey) || !tidy(i.Name):
		return nonsense("model %.64q named %.64q", i.ModelKey, i.Name)
	}
	return nil
}

// Check says what is wrong with a as the answer to q, as an ErrNonsense.
func (a Answer) Check(q Query) error {
	switch {
	case a.Pack != nil && !a.Known:
		return nonsense("a pack for a model that is not known")
	case a.Known && len(a.Nearest) > 0, len(a.Nearest) > MaxNearest:
		return nonsense("%d near models", len(a.Nearest))
	case len(a.PassedOver) > MaxPerModel:
		return nonsense("%d packs passed over", len(a.PassedOver))
	case a.Pack != nil && len(a.Rules) == 0:
		return nonsense("a pack without the rules that led to it")
	}
	for _, p := range a.PassedOver {
		if p.Reason == 0 {
			return nonsense("pack %.64q passed over without a reason", p.Pack.ID)
		}
	}
	if a.Pack == nil {
		return nil
	}
	return a.Pack.check(q.Target)
}

// check says what is wrong with choosing p for target.
func (p Pack) check(target Target) error {
	link, err := url.Parse(p.URL)
	switch {
	case !tidy(p.ID) || p.ID == "" || !tidy(p.Name) || !tidy(p.Version):
		return nonsense("pack %.64q", p.ID)
	case err != nil || link.Host == "" && link.Scheme != "file" || !linkSchemes[link.Scheme]:
		return nonsense("pack %s has the address %.128q", p.ID, p.URL)
	case !sha256Form.MatchString(p.SHA256):
		return nonsense("pack %s has the SHA-256 %.80q", p.ID, p.SHA256)
	case p.Size < 0:
		return nonsense("pack %s has %d bytes", p.ID, p.Size)
	case !Formats[p.Format]:
		return nonsense("pack %s is of the kind %.16q", p.ID, p.Format)
	case p.Kind != Full && p.Kind != Partial:
		return nonsense("pack %s has a graphics driver only", p.ID)
	case p.Target.OS != target.OS || p.Target.Arch != target.Arch:
		return nonsense("pack %s is for %.32s %.16s", p.ID, p.Target.OS, p.Target.Arch)
	case p.Target.Version != "" && target.Version != "" && NewerRelease(p.Target.Version, target.Version):
		return nonsense("pack %s is for %.16s, newer than %s", p.ID, p.Target.Version, target.Version)
	}
	return nil
}

// linkSchemes are how packs are fetched; file is an operator's own folder.
var linkSchemes = map[string]bool{"https": true, "http": true, "file": true}

// tidy: short, readable, one line.
func tidy(s string) bool {
	return len(s) <= 256 && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
