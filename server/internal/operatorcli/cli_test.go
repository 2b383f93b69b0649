package operatorcli_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/nattevakt/nattevakt/server/internal/operatorcli"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s\nwant:\n%s", path, got, want)
	}
}

// screen is a host whose output a test reads.
type screen struct {
	out, err      bytes.Buffer
	columns, rows int
	env           map[string]string
}

func (s *screen) host() operatorcli.Host {
	return operatorcli.Host{
		Stdout: &s.out, Stderr: &s.err,
		Getenv: func(name string) string { return s.env[name] },
		Now:    func() time.Time { return evening },
		Zone:   time.UTC,
		Screen: func() (int, int) { return s.columns, s.rows },
	}
}

func (s *screen) cli(args ...string) *operatorcli.CLI {
	return operatorcli.New(s.host(), operatorcli.Settings{Version: "test", StoreFile: "nattevakt.db"}, args)
}

func TestEveryCommandIsExplainedInBothLanguages(t *testing.T) {
	texts := map[string][2]string{}
	for i, args := range [][]string{{"--lang", "nb"}, {"--lang=en"}} {
		walk(new(screen).cli(args...).Root(), func(cmd *cobra.Command) {
			both := texts[path(cmd)]
			both[i] = cmd.Short
			texts[path(cmd)] = both
			if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
				t.Errorf("%s: %q is not a short text", cmd.CommandPath(), cmd.Short)
			}
		})
	}
	for name, both := range texts {
		if both[0] == both[1] {
			t.Errorf("%s is not translated: %q", name, both[0])
		}
	}
	if len(texts) < 38 {
		t.Errorf("only %d commands found", len(texts))
	}
}

func walk(cmd *cobra.Command, f func(*cobra.Command)) {
	f(cmd)
	for _, sub := range cmd.Commands() {
		walk(sub, f)
	}
}

func path(cmd *cobra.Command) string { return cmd.CommandPath() }

func TestHelp(t *testing.T) {
	for _, lang := range []string{"nb", "en"} {
		s := &screen{columns: 80, env: map[string]string{}}
		if code := s.cli("push", "--help", "--lang", lang).Run(context.Background()); code != 0 {
			t.Errorf("ended with %d: %s", code, &s.err)
		}
		golden(t, "help-push-"+lang+".txt", s.out.String())
	}
	s := &screen{env: map[string]string{}}
	s.cli().Run(context.Background())
	golden(t, "help.txt", s.out.String())
}

func TestExitCodesAreAllInTheHelp(t *testing.T) {
	s := &screen{env: map[string]string{"LANG": "en_US.UTF-8"}}
	if code := s.cli("help", "exit-codes").Run(context.Background()); code != 0 {
		t.Fatalf("ended with %d: %s", code, &s.err)
	}
	golden(t, "exit-codes.txt", s.out.String())
	for code, name := range operatorcli.ExitCodes() {
		if !strings.Contains(s.out.String(), fmt.Sprintf("%5d  %s", code, name)) {
			t.Errorf("%d (%s) is missing", code, name)
		}
	}
}

func TestLanguage(t *testing.T) {
	for _, tc := range []struct {
		args []string
		env  map[string]string
		want string
	}{
		{nil, nil, "nb"},
		{nil, map[string]string{"LANG": "C.UTF-8"}, "nb"},
		{nil, map[string]string{"LANG": "nn_NO.UTF-8"}, "nb"},
		{nil, map[string]string{"LANG": "en_GB.UTF-8"}, "en"},
		{nil, map[string]string{"LANG": "en_GB.UTF-8", "LC_MESSAGES": "nb_NO"}, "nb"},
		{nil, map[string]string{"LANG": "nb_NO", "LC_ALL": "en"}, "en"},
		{[]string{"--lang", "en"}, map[string]string{"LC_ALL": "nb_NO"}, "en"},
		{[]string{"night", "--lang=nb"}, map[string]string{"LC_ALL": "en"}, "nb"},
		{[]string{"--", "--lang", "en"}, nil, "nb"},
		{[]string{"--lang"}, nil, "nb"},
	} {
		if got := operatorcli.ChooseLang(tc.args, func(n string) string { return tc.env[n] }); got != tc.want {
			t.Errorf("%v in %v: %s, want %s", tc.args, tc.env, got, tc.want)
		}
	}
	s := &screen{}
	if code := s.cli("version", "--lang", "de").Run(context.Background()); code != 2 || !strings.Contains(s.err.String(), "nb eller en") {
		t.Errorf("--lang de ended with %d: %s", code, &s.err)
	}
}

func TestErrorsOfTheControlPlaneAreExplained(t *testing.T) {
	refused, err := status.New(codes.PermissionDenied, "x").WithDetails(&errdetails.ErrorInfo{Domain: "nattevakt", Reason: "REASON_IDENTITY_REVOKED"})
	if err != nil {
		t.Fatal(err)
	}
	other, err := status.New(codes.PermissionDenied, "words").WithDetails(&errdetails.ErrorInfo{Domain: "example.org", Reason: "REASON_IDENTITY_REVOKED"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		err  error
		code int
		want string
	}{
		{status.Error(codes.NotFound, `cabinet "x": not found`), 3, `det finnes ikke: cabinet "x": not found`},
		{status.Error(codes.AlreadyExists, "x"), 8, "finnes fra før"},
		{status.Error(codes.Aborted, "x"), 8, "samtidig"},
		{status.Error(codes.InvalidArgument, "slots: 0"), 2, "slots: 0"},
		{status.Error(codes.Unavailable, "x"), 5, "Det er uvisst om det ble gjort"},
		{status.Error(codes.DeadlineExceeded, "x"), 5, "ikke i tide"},
		{status.Error(codes.ResourceExhausted, "x"), 1, "plass"},
		{status.Error(codes.Unimplemented, "x"), 1, "eldre"},
		{status.Error(codes.Internal, "boom"), 1, "boom"},
		{status.Error(codes.DataLoss, "boom"), 1, "boom"},
		{refused.Err(), 4, "operatørfilen er sperret"},
		{other.Err(), 4, "words"},
	} {
		s := &screen{}
		if code := s.cli().Explain(context.Background(), tc.err); code != tc.code {
			t.Errorf("%v ended with %d, want %d", tc.err, code, tc.code)
		}
		said := s.err.String()
		if !strings.Contains(said, tc.want) || strings.Contains(said, "rpc error") || strings.Contains(said, "code =") {
			t.Errorf("%v is told as %q, want %q in it", tc.err, said, tc.want)
		}
	}
}

func TestInterruptionHasItsOwnCode(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s := &screen{}
	if code := s.cli().Explain(ctx, status.Error(codes.Canceled, "context canceled")); code != 130 || !strings.Contains(s.err.String(), "avbrutt") {
		t.Errorf("ended with %d: %s", code, &s.err)
	}
}

func TestWhatTheServerSaysCannotDriveTheTerminal(t *testing.T) {
	s := &screen{}
	s.cli().Explain(context.Background(), status.Error(codes.NotFound, "\x1b[2Jgone\a"))
	if slices.ContainsFunc(s.err.Bytes(), func(b byte) bool { return b < ' ' && b != '\n' }) {
		t.Errorf("control characters in %q", s.err.String())
	}
}

func TestFill(t *testing.T) {
	text := "En to tre fire\nfem.\n\n  urørt   linje som er lang\nSeks"
	if got, want := operatorcli.Fill(text, 10), "En to tre\nfire fem.\n\n  urørt   linje som er lang\nSeks\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
