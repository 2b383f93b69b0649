package vendor

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
)

// Parse reads one catalogue file into a listing. It returns an error only where the file as a whole is
// of no use; one broken entry is a Listing.Problem, and the rest goes on. What it has listed before it
// returns an error is not used.
type Parse func(source *Source, listing *Listing) error

// Catalogue is DriverPacks over files of one format: embed it in a plugin. The rules by which it chooses
// stand at choose; they are the same for all vendors.
//
// It is safe for use by several goroutines. Index builds a new index beside the one in use.
type Catalogue struct {
	parse      Parse
	sharedKeys bool
	index      atomic.Pointer[index]
}

var _ DriverPacks = (*Catalogue)(nil)

// NewCatalogue makes a catalogue without an index. Set sharedKeys where the vendor gives one model key to
// several products and lists their packs apart; the product name then breaks ties. Leave it unset where
// keys are never shared: names have spelling mistakes.
func NewCatalogue(parse Parse, sharedKeys bool) *Catalogue {
	return &Catalogue{parse: parse, sharedKeys: sharedKeys}
}

// Index implements DriverPacks. In a folder it looks at every file ending in .xml or .json, not below it.
func (c *Catalogue) Index(ctx context.Context, path string) (Indexed, error) {
	names, err := catalogueFiles(path)
	if err != nil {
		return Indexed{}, fmt.Errorf("%w: %w", ErrCatalogue, err)
	}
	all := &Listing{models: map[string]*model{}}
	var result Indexed
	for _, name := range names {
		file := all.read(ctx, name, c.parse)
		if err := ctx.Err(); err != nil {
			return Indexed{}, err
		}
		result.Files = append(result.Files, file)
	}
	if err := usable(path, result.Files); err != nil {
		return Indexed{}, err
	}
	next := newIndex(all.models)
	result.Models = len(next.models)
	result.Problems, result.ProblemCount = all.problems, all.problemCount
	c.index.Store(next)
	return result, nil
}

// usable refuses a catalogue of which nothing can be used, with the reason of each file.
func usable(path string, files []File) error {
	var why []string
	for _, f := range files {
		if f.Unusable == "" && f.Packs > 0 {
			return nil
		}
		if f.Unusable == "" {
			f.Unusable = "it lists no driver pack that could be read"
		}
		why = append(why, f.Name+": "+f.Unusable)
	}
	return fmt.Errorf("%w: %s: %s", ErrCatalogue, path, strings.Join(why, "; "))
}

// Find implements DriverPacks.
func (c *Catalogue) Find(_ context.Context, q Query) (Answer, error) {
	x := c.index.Load()
	if x == nil {
		return Answer{}, ErrNoCatalogue
	}
	if err := q.Target.Check(); err != nil {
		return Answer{}, err
	}
	m := x.models[foldKey(q.ModelKey)]
	if m == nil {
		return Answer{Nearest: x.nearest(q.ModelKey, q.Product)}, nil
	}
	answer := Answer{Known: true, Names: m.names}
	answer.Pack, answer.Rules, answer.PassedOver = choose(q, m.packs, c.sharedKeys)
	return answer, nil
}

// Check says what is wrong with t as a target to ask for.
func (t Target) Check() error {
	switch {
	case t.OS != Windows10 && t.OS != Windows11:
		return fmt.Errorf("operating system %.64q is not one of %s, %s", t.OS, Windows10, Windows11)
	case t.Arch != AMD64 && t.Arch != ARM64 && t.Arch != X86:
		return fmt.Errorf("architecture %.64q is not one of %s, %s, %s", t.Arch, AMD64, ARM64, X86)
	case t.Version != "" && Release(t.Version) == 0:
		return fmt.Errorf("windows release %.64q is not like 24H2", t.Version)
	}
	return nil
}

// foldKey is how keys are compared: catalogues and firmware write hexadecimal digits in both cases.
func foldKey(key string) string { return strings.ToUpper(strings.TrimSpace(key)) }
