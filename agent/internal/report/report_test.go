package report_test

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/nattevakt/nattevakt/agent/internal/report"
	"github.com/nattevakt/nattevakt/agent/internal/state"
	"github.com/nattevakt/nattevakt/agent/internal/state/statetest"
	v1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// source is a machine with two sections and, once its update services have answered, a third.
type source struct {
	mu      sync.Mutex
	os      string
	patches int
}

func (s *source) Inventory(context.Context) *v1.Inventory {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &v1.Inventory{Os: &v1.OperatingSystem{Version: s.os}}
}

func (s *source) Patch(context.Context) *v1.PatchState {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.patches++
	return &v1.PatchState{RebootPending: true}
}

func (*source) Sections(in *v1.Inventory, patch *v1.PatchState) []*v1.Section {
	all := []*v1.Section{section("board", "same"), section("os", in.GetOs().GetVersion())}
	if patch != nil {
		all = append(all, section("patch", "pending"))
	}
	return all
}

func section(name, content string) *v1.Section {
	sum := sha256.Sum256([]byte(content))
	return &v1.Section{Name: name, Digest: sum[:16]}
}

func (*source) Digest(sections []*v1.Section) [16]byte {
	h := sha256.New()
	for _, s := range sections {
		h.Write(s.GetDigest())
	}
	return [16]byte(h.Sum(nil)[:16])
}

// started runs a book over a machine until the test ends; news gets a word for each change.
func started(t *testing.T, folder *state.Folder, s *source) (book *report.Book, news chan struct{}) {
	t.Helper()
	news = make(chan struct{}, 64)
	book = report.Open(folder, s, slog.Default(), func() { news <- struct{}{} })
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); book.Run(ctx, time.Hour, time.Hour) }()
	t.Cleanup(func() { cancel(); <-ended })
	return book, news
}

func names(request *v1.ReportRequest) (all []string) {
	for _, s := range request.GetSections() {
		all = append(all, s.GetName())
	}
	return all
}

func TestOnlyWhatChangedIsSent(t *testing.T) {
	f, s := statetest.Open(t), &source{os: "12.1"}
	book, news := started(t, f, s)
	<-news // inventory
	<-news // and patch state
	whole := book.Request()
	if got := names(whole); len(got) != 3 || len(whole.GetBaseDigest()) != 0 {
		t.Fatalf("first report has %v on base %x", got, whole.GetBaseDigest())
	}
	book.Accepted(whole)

	s.mu.Lock()
	s.os = "12.2"
	s.mu.Unlock()
	book.Ask()
	<-news
	delta := book.Request()
	if got := names(delta); len(got) != 1 || got[0] != "os" {
		t.Errorf("after a change %v is sent", got)
	}
	book.Accepted(delta)
	if got := names(book.Request()); len(got) != 0 {
		t.Errorf("after that %v", got)
	}
	book.Forget()
	if got := names(book.Request()); len(got) != 3 {
		t.Errorf("after Forget %v", got)
	}
}

func TestBaseSurvivesARestart(t *testing.T) {
	f, s := statetest.Open(t), &source{os: "12.1"}
	first, news := started(t, f, s)
	<-news
	<-news
	first.Accepted(first.Request())
	second, news := started(t, f, s)
	<-news
	<-news
	if got := second.Request(); len(got.GetSections()) != 0 || string(got.GetBaseDigest()) != string(second.Digest()) {
		t.Errorf("sent again: %v", names(got))
	}
}

func TestBrokenBaseMeansAWholeReport(t *testing.T) {
	f := statetest.Open(t)
	if err := f.Write(report.FileName, []byte("{")); err != nil {
		t.Fatal(err)
	}
	book, news := started(t, f, &source{})
	<-news
	<-news
	if got := names(book.Request()); len(got) != 3 {
		t.Errorf("sent %v", got)
	}
}

func TestNothingBeforeTheFirstCollection(t *testing.T) {
	book := report.Open(statetest.Open(t), &source{}, slog.Default(), func() {})
	if book.Digest() != nil || book.Request() != nil {
		t.Error("there is something to report")
	}
}
