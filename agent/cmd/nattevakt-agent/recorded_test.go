package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/nattevakt/nattevakt/agent/internal/controltest"
	"github.com/nattevakt/nattevakt/proto/capability"
)

var record = flag.Bool("record", false, "record this agent's requests as those of capability.Current")

// TestRequestsOfThisCapability holds what the real agent sends against what was recorded for its
// capability version: an agent that begins to send another field must take a new version, and the control
// plane's tests read the recorded files of all of them.
func TestRequestsOfThisCapability(t *testing.T) {
	s := controltest.New(t).Start()
	n := &night{release: s.Publish(make([]byte, 1<<20))}
	n.attach(s)
	d := newDevice(t, s.Bootstrap("hemmelig", n.release.Key))
	d.start()
	d.until("a whole night", func() bool { ended, _ := n.over(); return ended && patchReported(s) })
	d.stop()
	all := s.CheckIns()
	sent := map[string]proto.Message{"enroll": s.Enrolls()[0], "checkin": all[len(all)-1], "report": s.Reports()[0]}
	for _, c := range all {
		if len(c.GetProgress()) > 0 && len(c.GetReportDigest()) > 0 {
			sent["checkin"] = c
		}
	}
	for name, request := range sent {
		compare(t, filepath.Join("testdata", "capability-1", name+".json"), request)
	}
	if capability.Current != capability.Base {
		t.Error("record the new version's requests beside the old ones, and compare with those")
	}
}

func compare(t *testing.T, file string, request proto.Message) {
	t.Helper()
	if *record {
		text, err := protojson.MarshalOptions{Multiline: true, UseProtoNames: true}.Marshal(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(text, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	old := request.ProtoReflect().New().Interface()
	if err := protojson.Unmarshal(text, old); err != nil {
		t.Fatalf("%s: a recorded request cannot be read any more: %v", file, err)
	}
	was := fields(old)
	for field := range fields(request) {
		if !was[field] && !sometimes[field] {
			t.Errorf("%s: field %s is new; does it need a new capability version?", file, field)
		}
	}
}

// sometimes names fields that depend on the moment.
var sometimes = map[protoreflect.Name]bool{"progress": true, "local_reason": true, "base_digest": true, "assignment_received": true}

func fields(m proto.Message) map[protoreflect.Name]bool {
	set := map[protoreflect.Name]bool{}
	m.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		set[f.Name()] = true
		return true
	})
	return set
}
