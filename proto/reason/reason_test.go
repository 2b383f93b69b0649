package reason_test

import (
	"strings"
	"testing"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/proto/reason"
)

func contract() []reason.Code {
	codes := make([]reason.Code, 0, len(nattevaktv1.Reason_name))
	for n := range nattevaktv1.Reason_name {
		codes = append(codes, reason.Of(nattevaktv1.Reason(n)))
	}
	return codes
}

func TestEveryCodeOfTheContractHasAllTexts(t *testing.T) {
	seen := map[string]reason.Code{}
	for _, c := range contract() {
		if c == reason.None {
			continue
		}
		if c.Kind() == reason.KindNone {
			t.Errorf("%v has no kind", c)
		}
		for _, lang := range []string{"nb", "en"} {
			sentence := c.Sentence(lang)
			checkText(t, c, lang, "sentence", sentence)
			checkText(t, c, lang, "next step", c.NextStep(lang))
			if other, twice := seen[lang+sentence]; twice {
				t.Errorf("%v and %v share the %s sentence %q", c, other, lang, sentence)
			}
			seen[lang+sentence] = c
		}
		if c.Sentence("nb") == c.Sentence("en") || c.NextStep("nb") == c.NextStep("en") {
			t.Errorf("%v is not translated", c)
		}
	}
}

func checkText(t *testing.T, c reason.Code, lang, what, s string) {
	t.Helper()
	if !strings.HasSuffix(s, ".") || strings.TrimSpace(s) != s {
		t.Errorf("%v: %s %s %q is not a sentence", c, lang, what, s)
	}
	if n := len([]rune(s)); n > 110 {
		t.Errorf("%v: %s %s has %d characters, more than a phone shows at a glance", c, lang, what, n)
	}
	if strings.Contains(s, "(kode ") || strings.Contains(s, "(code ") {
		t.Errorf("%v: %s %s %q is the text of an unknown code", c, lang, what, s)
	}
}

func TestNamesAreStableAndParseBack(t *testing.T) {
	for _, tc := range []struct {
		code reason.Code
		name string
	}{
		{reason.None, "none"},
		{reason.IdentityCloned, "identity_cloned"},
		{reason.TPMProofFailed, "tpm_proof_failed"},
		{reason.Internal, "internal"},
		{reason.Code(999), "reason_999"},
	} {
		if got := tc.code.String(); got != tc.name {
			t.Errorf("String of %d = %q, want %q", uint16(tc.code), got, tc.name)
		}
	}
	for _, c := range append(contract(), reason.Code(999)) {
		if got, err := reason.Parse(c.String()); err != nil || got != c {
			t.Errorf("Parse(%q) = %v, %v", c, got, err)
		}
	}
}

func TestParseRefusesOtherNames(t *testing.T) {
	for _, name := range []string{"", "Internal", "INTERNAL", "unspecified", "reason_", "reason_010", "reason_32", "reason_0", "reason_70000", "never seen"} {
		if c, err := reason.Parse(name); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", name, c)
		}
	}
}

func TestLanguageFallsBackToBokmål(t *testing.T) {
	for _, lang := range []string{"", "nb", "nn", "no", "de", "EN"} {
		if reason.NoContact.Sentence(lang) != "Maskinen har ikke meldt seg på en stund." {
			t.Errorf("Sentence(%q) = %q", lang, reason.NoContact.Sentence(lang))
		}
	}
	if reason.NoContact.Sentence("en") != "The machine has not been in touch for a while." {
		t.Errorf("Sentence(en) = %q", reason.NoContact.Sentence("en"))
	}
}

func TestNoneSaysNothing(t *testing.T) {
	if s := reason.None.Sentence("nb") + reason.None.NextStep("en"); s != "" {
		t.Errorf("None says %q", s)
	}
	if k := reason.None.Kind(); k != reason.KindNone {
		t.Errorf("kind of None = %v", k)
	}
}

func TestUnknownCodeIsNamedByNumber(t *testing.T) {
	c := reason.Of(nattevaktv1.Reason(4711))
	if !strings.Contains(c.Sentence("nb"), "4711") || !strings.Contains(c.Sentence("en"), "4711") {
		t.Errorf("sentences %q, %q do not name the number", c.Sentence("nb"), c.Sentence("en"))
	}
	if c.NextStep("nb") == "" || c.NextStep("en") == "" || c.Kind() != reason.KindInternal {
		t.Error("an unknown code has a next step and kind internal")
	}
	if got := reason.Of(nattevaktv1.Reason(-1)); got != reason.Internal {
		t.Errorf("Of(-1) = %v", got)
	}
}

func TestKinds(t *testing.T) {
	for code, want := range map[reason.Code]string{
		reason.IdentityCloned:     "identity",
		reason.NoContact:          "contact",
		reason.WaitingForTurn:     "work",
		reason.ContentUnreachable: "network",
		reason.BatteryLow:         "power",
		reason.DiskError:          "disk",
		reason.SignatureInvalid:   "content",
		reason.DowngradeRefused:   "policy",
		reason.Internal:           "internal",
	} {
		if got := code.Kind().String(); got != want {
			t.Errorf("kind of %v = %s, want %s", code, got, want)
		}
	}
	if got := reason.Kind(200).String(); got != "kind_200" {
		t.Errorf("unknown kind = %q", got)
	}
}
