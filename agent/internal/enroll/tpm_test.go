package enroll_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"testing"

	"github.com/nattevakt/nattevakt/agent/internal/controltest"
	v1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// tpmKey is a key with a TPM's manners: it opens the challenge "locked:" + secret.
type tpmKey struct{ crypto.Signer }

func (tpmKey) Evidence() (ek, key []byte, err error) { return []byte("ek"), []byte("key"), nil }

func (tpmKey) Activate(blob, _ []byte) ([]byte, error) {
	return bytes.TrimPrefix(blob, []byte("locked:")), nil
}

func TestChallengeIsAnsweredAtOnce(t *testing.T) {
	s := controltest.New(t).Start()
	plain := newMachine(t, s, 0)
	m := assemble(t, s, plain.folder, tpmKey{plain.Key}, 0)
	secret := []byte(rand.Text())
	s.Do(func() {
		s.OnEnroll = func(req *v1.EnrollRequest) (*v1.EnrollResponse, error) {
			if bytes.Equal(req.GetTpm().GetActivation(), secret) {
				return s.Issue(req.GetCsr())
			}
			return pending(&v1.Pending{
				Reason: v1.Reason_REASON_AWAITING_APPROVAL, PollAfterMs: 3_600_000,
				Challenge: &v1.TpmChallenge{CredentialBlob: append([]byte("locked:"), secret...)},
			}), nil
		}
	})
	if _, err := m.Enroll(within(t)); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Enrolls()); n != 2 {
		t.Errorf("%d calls; want the question and the answer", n)
	}
}
