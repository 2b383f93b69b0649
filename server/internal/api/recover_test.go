package api_test

import (
	"path/filepath"
	"testing"
	"time"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/server/internal/store/bolt"
)

// A backup may be older than a device's newest certificate: only this authority can have signed it, so the
// device goes on, and the certificate before it does not.
func TestDeviceThatRenewedAfterTheBackup(t *testing.T) {
	h := newHouse(t)
	h.places()
	m := h.machine("AAA0001").enroll(h.token(1))
	m.mustCheckIn()
	backup := filepath.Join(t.TempDir(), "backup.db")
	if err := h.store.BackupFile(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	old := *m.cert
	time.Sleep(1100 * time.Millisecond) // certificates tell time in whole seconds
	m.renew(t)
	m.mustCheckIn()
	h.stop()
	if _, err := bolt.Restore(t.Context(), backup, filepath.Join(h.dir, "nattevakt.db")); err != nil {
		t.Fatal(err)
	}
	h.start()
	m.client = nattevaktv1.NewCheckInServiceClient(h.connect(m.cert))
	m.mustCheckIn()
	m.client = nattevaktv1.NewCheckInServiceClient(h.connect(&old))
	_, err := m.checkIn()
	wantReason(t, err, nattevaktv1.Reason_REASON_IDENTITY_CLONED)
}

// A revocation that was a mistake, or a machine found again: a person may let it ask anew.
func TestRevokedDeviceMayBeLetInAgain(t *testing.T) {
	h := newHouse(t)
	h.places()
	token := h.token(5)
	m := h.machine("AAA0001").enroll(token)
	id := m.id
	if _, err := h.fleet().RevokeDevice(t.Context(), &operatorv1.RevokeDeviceRequest{Device: m.id}); err != nil {
		t.Fatal(err)
	}
	_, err := h.stranger().Enroll(t.Context(), m.request(token))
	wantReason(t, err, nattevaktv1.Reason_REASON_IDENTITY_REVOKED)
	if _, err := h.fleet().ApproveDevice(t.Context(), &operatorv1.ApproveDeviceRequest{Device: m.id}); err != nil {
		t.Fatal(err)
	}
	_, err = m.checkIn()
	wantReason(t, err, nattevaktv1.Reason_REASON_AWAITING_APPROVAL)
	m.enroll(token)
	m.mustCheckIn()
	if m.id != id {
		t.Errorf("came back as %s, was %s", m.id, id)
	}
}

// A cabinet's next night replaces the one before it in memory, and after a restart too.
func TestNightAfterNight(t *testing.T) {
	h := newHouse(t)
	h.places()
	m := h.inCabinet("AAA0001")[0]
	var last string
	for range 3 {
		out, err := h.push()
		if err != nil {
			t.Fatal(err)
		}
		last = out.GetRollout().GetId()
		m.work(m.awaitGrant())
		h.night(func(n *operatorv1.CabinetNight) bool {
			return n.GetRollout().GetState() == operatorv1.RolloutState_ROLLOUT_STATE_DONE
		})
	}
	for range 2 {
		list, err := h.nights().ListRollouts(t.Context(), &operatorv1.ListRolloutsRequest{})
		if err != nil || len(list.GetRollouts()) != 1 || list.GetRollouts()[0].GetId() != last {
			t.Errorf("rollouts in memory: %v, %v; want the last one", list, err)
		}
		h.stop()
		h.start()
		h.operator = h.connect(h.operatorCert("admin"))
	}
}
