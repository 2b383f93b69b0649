package inventory

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// DigestSize is the length in bytes of the digests of this package: a truncated SHA-256.
const DigestSize = 16

// patchSection is the name of the section that holds the patch state.
const patchSection = "patch"

// Sections splits a report into one section for each field of Inventory, in the order of their numbers
// and whether set or not (a section that became empty must replace the stored one), and one for the patch
// state if there is one. How long a failed collector took is rounded to seconds, for it differs each time.
// Text that is not UTF-8 is repaired. The sections share no memory with what they are made of.
func Sections(in *nattevaktv1.Inventory, patch *nattevaktv1.PatchState) []*nattevaktv1.Section {
	in = sendable(in)
	for _, p := range in.GetProblems() {
		p.Took = durationpb.New(p.Took.AsDuration().Round(time.Second))
	}
	fields := (&nattevaktv1.Inventory{}).ProtoReflect().Descriptor().Fields()
	var sections []*nattevaktv1.Section
	for i := range fields.Len() {
		sections = append(sections, inventorySection(in, fields.Get(i)))
	}
	slices.SortFunc(sections, func(a, b *nattevaktv1.Section) int {
		return int(fields.ByName(protoreflect.Name(a.Name)).Number() - fields.ByName(protoreflect.Name(b.Name)).Number())
	})
	if patch != nil {
		patch = sendable(patch)
		sections = append(sections, &nattevaktv1.Section{
			Name: patchSection, Digest: digestOf(patch), Content: &nattevaktv1.Section_Patch{Patch: patch},
		})
	}
	return sections
}

// sendable is a copy whose text is all UTF-8.
func sendable[M proto.Message](m M) M {
	c := proto.CloneOf(m)
	repairText(c.ProtoReflect())
	return c
}

func inventorySection(in *nattevaktv1.Inventory, field protoreflect.FieldDescriptor) *nattevaktv1.Section {
	part := &nattevaktv1.Inventory{}
	if from := in.ProtoReflect(); from.Has(field) {
		part.ProtoReflect().Set(field, from.Get(field))
	}
	return &nattevaktv1.Section{
		Name: string(field.Name()), Digest: digestOf(part), Content: &nattevaktv1.Section_Inventory{Inventory: part},
	}
}

// digestOf is over the deterministic marshalling: stable for one build of the agent, which is all that
// is asked of it; the control plane only compares.
func digestOf(m proto.Message) []byte {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		// Marshalling fails only on text that is not UTF-8, and sendable has repaired that.
		panic(fmt.Sprintf("marshal section: %v", err))
	}
	sum := sha256.Sum256(b)
	return sum[:DigestSize]
}

// Digest names the report that the sections make up: a hash over their names and digests, in order.
func Digest(sections []*nattevaktv1.Section) [DigestSize]byte {
	h := sha256.New()
	for _, s := range sections {
		fmt.Fprintf(h, "%s\x00%x\x00", s.Name, s.Digest)
	}
	return [DigestSize]byte(h.Sum(nil)[:DigestSize])
}
