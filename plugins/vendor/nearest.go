package vendor

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// index is a catalogue ready for lookups; it never changes.
type index struct {
	models map[string]*model
	// near is every model with the words of its names, by key, for the search for neighbours.
	near []neighbour
	// vocabulary numbers the words of all names, so that comparing names is comparing numbers.
	vocabulary map[string]int
}

type neighbour struct {
	model *model
	names [][]int
}

func newIndex(models map[string]*model) *index {
	x := &index{models: models, vocabulary: map[string]int{}}
	for _, key := range slices.Sorted(maps.Keys(models)) {
		n := neighbour{model: models[key]}
		slices.Sort(n.model.names)
		for _, name := range n.model.names {
			n.names = append(n.names, x.number(words(name), true))
		}
		x.near = append(x.near, n)
	}
	return x
}

// number turns words into sorted numbers. A word that is not in the vocabulary is added to it, or gets a
// number that no other word has.
func (x *index) number(words []string, add bool) []int {
	numbers := make([]int, 0, len(words))
	for i, w := range words {
		n, ok := x.vocabulary[w]
		switch {
		case !ok && add:
			n = len(x.vocabulary)
			x.vocabulary[w] = n
		case !ok:
			n = -1 - i
		}
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	return numbers
}

// nearest are the models most like an unknown one: by the words of the product name first (a new board
// of a known model), then by how much of the key is the same (a new model of a known family).
func (x *index) nearest(key, product string) []Model {
	key, asked := foldKey(key), x.number(words(product), false)
	var best []scored
	for i := range x.near {
		s := scored{x.near[i].model, likeness(key, asked, &x.near[i])}
		if s.score == 0 || len(best) == MaxNearest && s.score <= best[MaxNearest-1].score {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, s, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
		for at < len(best) && best[at].score == s.score {
			at++
		}
		best = slices.Insert(best, at, s)
		best = best[:min(len(best), MaxNearest)]
	}
	var models []Model
	for _, s := range best {
		models = append(models, Model{Key: s.model.key, Names: s.model.names})
	}
	return models
}

type scored struct {
	model *model
	score int
}

// likeness weighs shared words (0 to 1000) over shared first characters of the key (0 to 99); a single
// shared character says nothing.
func likeness(key string, asked []int, n *neighbour) int {
	score := 0
	for _, name := range n.names {
		if all := len(asked) + len(name); all > 0 {
			score = max(score, 2*common(asked, name)*1000/all)
		}
	}
	prefix := 0
	for prefix < len(key) && prefix < len(n.model.key) && key[prefix] == n.model.key[prefix] {
		prefix++
	}
	if prefix < 2 {
		return score
	}
	return score + 99*prefix/max(len(key), len(n.model.key))
}

// common counts what two sorted lists share.
func common(a, b []int) int {
	n := 0
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			a = a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			n, a, b = n+1, a[1:], b[1:]
		}
	}
	return n
}

// words splits a product name into its words and numbers in lower case, sorted, each once.
func words(name string) []string {
	list := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	slices.Sort(list)
	return slices.Compact(list)
}

// sameName compares product names by their words: spelling differs in case, spaces and hyphens.
func sameName(a, b string) bool {
	return a != "" && slices.Equal(words(a), words(b))
}
