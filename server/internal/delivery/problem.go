package delivery

import "strings"

// Problem is one thing that a person must put right before the list can be imported.
type Problem struct {
	// Row counts as the person sees it, the first being 1; 0 is the file as a whole.
	Row int
	// Column is the heading as it stands in the file; empty if the problem is not one cell's.
	Column string
	// Value is the cell, shortened.
	Value string
	// Text is in Norwegian bokmål.
	Text    string
	English string
}

// In gives the text in "en" or else in Norwegian bokmål.
func (p Problem) In(lang string) string {
	if lang == "en" {
		return p.English
	}
	return p.Text
}

// problems collects up to MaxProblems, and then says that there are more.
type problems struct{ list []Problem }

func (p *problems) add(one Problem) {
	switch {
	case len(p.list) < MaxProblems:
		one.Value = shorten(one.Value)
		p.list = append(p.list, one)
	case len(p.list) == MaxProblems:
		p.list = append(p.list, Problem{Text: "det er flere feil enn disse: rett dem først", English: "there are more problems than these: put these right first"})
	}
}

func (p *problems) file(nb, en string) { p.add(Problem{Text: nb, English: en}) }

func (p *problems) row(number int, nb, en string) { p.add(Problem{Row: number, Text: nb, English: en}) }

// full: nothing more would be kept.
func (p *problems) full() bool { return len(p.list) > MaxProblems }

const shownValue = 60

func shorten(s string) string {
	runes := []rune(strings.ToValidUTF8(s, "�"))
	if len(runes) <= shownValue {
		return string(runes)
	}
	return string(runes[:shownValue-1]) + "…"
}
