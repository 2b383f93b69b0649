package inventory_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/nattevakt/nattevakt/agent/internal/inventory"
	"github.com/nattevakt/nattevakt/deploy/madeup"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// TestUnchangedMachine collects each machine twice, with the charge and free memory changed in between.
func TestUnchangedMachine(t *testing.T) {
	for _, m := range madeup.Machines() {
		t.Run(m.Name, func(t *testing.T) {
			root := made(t, m)
			before := inventory.Sections(collectAt(t, root), nil)
			for i := range m.Supplies {
				m.Supplies[i].Percent = (m.Supplies[i].Percent + 7) % 100
				m.Supplies[i].Online = !m.Supplies[i].Online
			}
			m.OS.Booted = m.OS.Booted.Add(time.Second)
			if err := m.Write(root); err != nil {
				t.Fatal(err)
			}
			after := inventory.Sections(collectAt(t, root), nil)
			if changed := changedNames(before, after); len(changed) > 0 || inventory.Digest(before) != inventory.Digest(after) {
				t.Errorf("sections %v changed", changed)
			}
		})
	}
}

// changedNames compares sections by place.
func changedNames(a, b []*nattevaktv1.Section) (names []string) {
	for i := range a {
		if a[i].Name != b[i].Name || !bytes.Equal(a[i].Digest, b[i].Digest) {
			names = append(names, a[i].Name)
		}
	}
	return names
}

func TestSectionsPutTogether(t *testing.T) {
	in := collectAt(t, made(t, madeup.HPThinClient()))
	patch := &nattevaktv1.PatchState{RebootPending: true}
	sections := inventory.Sections(in, patch)
	again := &nattevaktv1.Inventory{}
	for _, s := range sections {
		if len(s.Digest) != inventory.DigestSize {
			t.Errorf("section %s: digest of %d bytes", s.Name, len(s.Digest))
		}
		proto.Merge(again, s.GetInventory())
	}
	if !proto.Equal(in, again) {
		t.Errorf("sections together are %v; want %v", again, in)
	}
	fields := in.ProtoReflect().Descriptor().Fields().Len()
	if last := sections[len(sections)-1]; len(sections) != fields+1 || last.Name != "patch" || !last.GetPatch().RebootPending {
		t.Errorf("%d sections, last %v; want %d with the patch state last", len(sections), last, fields+1)
	}
}

func TestOneChangeIsOneSection(t *testing.T) {
	in := collectAt(t, made(t, madeup.DellLatitude()))
	before := inventory.Sections(in, nil)
	changed := proto.CloneOf(in)
	changed.Batteries = nil
	after := inventory.Sections(changed, nil)
	if names := changedNames(before, after); !slices.Equal(names, []string{"batteries"}) {
		t.Errorf("sections %v changed; want batteries alone", names)
	}
	if inventory.Digest(before) == inventory.Digest(after) {
		t.Error("the report's digest did not change")
	}
}

func TestHowLongAProblemTookIsNotNews(t *testing.T) {
	with := func(took time.Duration) [inventory.DigestSize]byte {
		return inventory.Digest(inventory.Sections(&nattevaktv1.Inventory{Problems: []*nattevaktv1.CollectorProblem{
			{Collector: "disks", Problem: "no answer", Took: durationpb.New(took)},
		}}, nil))
	}
	if with(2001*time.Millisecond) != with(2043*time.Millisecond) {
		t.Error("42 ms made another digest")
	}
}

func TestTextThatIsNotUTF8(t *testing.T) {
	patch := &nattevaktv1.PatchState{RebootCauses: []string{"a\xff"}, Missing: []*nattevaktv1.Update{{Name: "x", Summary: "caf\xe9"}}}
	sections := inventory.Sections(&nattevaktv1.Inventory{}, patch)
	got := sections[len(sections)-1].GetPatch()
	if got.RebootCauses[0] != "a\uFFFD" || got.Missing[0].Summary != "caf\uFFFD" || patch.RebootCauses[0] != "a\xff" {
		t.Errorf("sections hold %v; want repaired text, and the original left alone", got)
	}
}
