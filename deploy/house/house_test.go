package house_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/nattevakt/nattevakt"

// deciding packages: pure functions that get time as a value.
var deciding = []string{
	"server/internal/fleet", "server/internal/window", "server/internal/plan", "server/internal/rollout",
	"server/internal/readiness", "images/chunk", "images/release",
}

// hands are packages of the standard library that act on the world.
var hands = []string{"net", "net/http", "os", "os/exec", "syscall", "io/ioutil", "log", "log/slog", "database/sql"}

// pkg is what `go list` tells of a package.
type pkg struct {
	ImportPath string
	Dir        string
	Imports    []string
	GoFiles    []string
	Deps       []string
}

func (p pkg) name() string { return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/") }

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,GoFiles,Deps", "./...")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 20 {
		t.Fatalf("go list found %d packages; the rules would check nothing", len(all))
	}
	return all
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLayout(t *testing.T) {
	want := []string{
		".ci", ".gitignore", ".golangci.yml", "LICENSE", "Makefile", "README.md",
		"agent", "deploy", "go.mod", "go.sum", "images", "plugins", "proto", "server",
	}
	cmd := exec.Command("git", "ls-files")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("needs a git checkout: %v", err)
	}
	for _, f := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		top, _, _ := strings.Cut(f, "/")
		if !slices.Contains(want, top) {
			t.Errorf("%s: the top level is fixed; put it into one of %v", f, want)
		}
	}
}

func TestDependencyDirection(t *testing.T) {
	for _, p := range packages(t) {
		for _, imp := range p.Imports {
			if from, ok := strings.CutPrefix(imp, module+"/"); ok {
				if why := forbidden(p.name(), from); why != "" {
					t.Errorf("%s imports %s: %s", p.name(), from, why)
				}
			}
		}
	}
}

// forbidden says why a package may not import another, or nothing.
func forbidden(pkg, imp string) string {
	in := func(name, room string) bool { return name == room || strings.HasPrefix(name, room+"/") }
	switch {
	case in(pkg, "agent") && in(imp, "server"), in(pkg, "server") && in(imp, "agent"):
		return "agent and server share only proto and images"
	case in(pkg, "proto") && !in(imp, "proto"):
		return "proto is below everything"
	case in(pkg, "images") && !in(imp, "images") && !in(imp, "proto"):
		return "images is shared by both ends and knows neither"
	case in(pkg, "plugins") && !in(imp, "plugins/vendor") && !in(imp, "proto"):
		return "plugins see only the SDK and proto"
	case in(imp, "deploy") && !in(pkg, "deploy"):
		return "deploy is for tests and demonstrations"
	}
	if !slices.Contains(deciding, pkg) {
		return ""
	}
	if slices.Contains(deciding, imp) || in(imp, "proto") {
		return ""
	}
	return "a deciding package uses only deciding packages and proto"
}

func TestDecidingPackagesOnlyDecide(t *testing.T) {
	for _, p := range packages(t) {
		if !slices.Contains(deciding, p.name()) {
			continue
		}
		for _, imp := range p.Imports {
			if slices.Contains(hands, imp) {
				t.Errorf("%s imports %s: it decides, somebody else acts", p.name(), imp)
			}
		}
		for _, f := range p.GoFiles {
			checkPure(t, filepath.Join(p.Dir, f))
		}
	}
}

// clocks are the functions of package time that read or wait for the clock.
var clocks = []string{"Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Sleep"}

func checkPure(t *testing.T, path string) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			t.Errorf("%s: a deciding package starts no goroutine", fset.Position(n.Pos()))
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clocks, n.Sel.Name) {
				t.Errorf("%s: time.%s: time arrives as a value", fset.Position(n.Pos()), n.Sel.Name)
			}
		}
		return true
	})
}

// The rules above must be able to fail.
func TestForbidden(t *testing.T) {
	for _, c := range []struct{ pkg, imp string }{
		{"agent/internal/job", "server/internal/plan"},
		{"server/internal/api", "agent/internal/job"},
		{"proto/reason", "images/chunk"},
		{"images/apply", "server/internal/fleet"},
		{"plugins/dell", "server/internal/fleet"},
		{"server/internal/window", "server/internal/store"},
		{"server/internal/api", "deploy/madeup"},
	} {
		if forbidden(c.pkg, c.imp) == "" {
			t.Errorf("%s may import %s", c.pkg, c.imp)
		}
	}
	for _, c := range []struct{ pkg, imp string }{
		{"agent/internal/job", "images/apply"},
		{"server/internal/plan", "server/internal/window"},
		{"server/internal/fleet", "proto/id"},
	} {
		if why := forbidden(c.pkg, c.imp); why != "" {
			t.Errorf("%s may not import %s: %s", c.pkg, c.imp, why)
		}
	}
}

func TestEveryPackageExplainsItself(t *testing.T) {
	for _, p := range packages(t) {
		doc := ""
		for _, f := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, f), nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			if file.Doc != nil && !strings.HasSuffix(f, ".pb.go") {
				doc += file.Doc.Text()
			}
		}
		generated := strings.HasPrefix(p.name(), "proto/nattevakt/")
		if len(p.GoFiles) > 0 && len(doc) < 60 && !generated {
			t.Errorf("%s: its comment does not explain it (%d characters)", p.name(), len(doc))
		}
	}
}

// maxLines is what a person can hold in mind; tests and generated files may be longer.
const maxLines = 600

func TestFilesStayShort(t *testing.T) {
	err := filepath.WalkDir(root(t), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, ".pb.go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if n := bytes.Count(b, []byte("\n")); n > maxLines {
			t.Errorf("%s: %d lines; most files are under 300, none over %d", path, n, maxLines)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
