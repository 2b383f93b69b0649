package vendor

import (
	"cmp"
	"slices"
	"strings"
)

// choose finds the pack for q among the packs of its model, says by which rules, and why each other pack
// was passed over. Every pack is either the choice or passed over, once.
//
//  1. For the asked OS and architecture; never for a newer release than asked for; never a graphics
//     driver alone; never without a SHA-256.
//  2. A full pack before a partial one.
//  3. For exactly the asked release, else for every release, else for the newest older one. Where no
//     release is asked for, the newest.
//  4. Where keys are shared, those of the product asked for, if there are any.
//  5. Released last; at the same time, the higher id.
func choose(q Query, packs []Pack, sharedKeys bool) (*Pack, []Rule, []PassedOver) {
	c := &choice{left: slices.Clone(packs)}
	c.pass(PassOtherOS, func(p Pack) bool { return p.Target.OS != q.Target.OS })
	c.pass(PassOtherArch, func(p Pack) bool { return p.Target.Arch != q.Target.Arch })
	c.pass(PassNewerVersion, func(p Pack) bool {
		return q.Target.Version != "" && NewerRelease(p.Target.Version, q.Target.Version)
	})
	c.pass(PassGraphicsOnly, func(p Pack) bool { return p.Kind == Graphics })
	c.pass(PassNoSHA256, func(p Pack) bool { return p.SHA256 == "" })
	if len(c.left) == 0 {
		return nil, nil, c.passed
	}
	if len(c.left) == 1 {
		c.rules = append(c.rules, OnlyOne)
	}
	c.fullFirst()
	c.bestVersion(q.Target.Version)
	if sharedKeys {
		c.sameProduct(q.Product)
	}
	c.newest()
	pack := c.left[0] // newest leaves one
	return &pack, c.rules, c.passed
}

// choice is a choice under way: what is left, and what led here.
type choice struct {
	left   []Pack
	passed []PassedOver
	rules  []Rule
}

// pass takes out what out says, and returns whether that was anything.
func (c *choice) pass(why PassReason, out func(Pack) bool) bool {
	before := len(c.left)
	c.left = slices.DeleteFunc(c.left, func(p Pack) bool {
		if !out(p) {
			return false
		}
		c.passed = append(c.passed, PassedOver{Pack: p, Reason: why})
		return true
	})
	return len(c.left) < before
}

func (c *choice) has(f func(Pack) bool) bool { return slices.ContainsFunc(c.left, f) }

func (c *choice) fullFirst() {
	full := func(p Pack) bool { return p.Kind == Full }
	if c.has(full) && c.pass(PassPartial, func(p Pack) bool { return !full(p) }) {
		c.rules = append(c.rules, FullBeforePartial)
	}
}

// bestVersion keeps the packs of one release, or those for every release. None is newer than asked for.
func (c *choice) bestVersion(asked string) {
	best := 0
	for _, p := range c.left {
		best = max(best, Release(p.Target.Version))
	}
	every := func(p Pack) bool { return p.Target.Version == "" }
	rule := OlderVersion
	switch {
	case best == 0 || c.has(every) && asked != "" && best < Release(asked):
		c.pass(PassOlderVersion, func(p Pack) bool { return !every(p) })
		c.rules = append(c.rules, EveryVersion)
		return
	case asked == "":
		rule = NewestVersion
	case best == Release(asked):
		rule = ExactVersion
	}
	c.pass(PassEveryVersion, every)
	c.pass(PassOlderVersion, func(p Pack) bool { return Release(p.Target.Version) < best })
	c.rules = append(c.rules, rule)
}

// sameProduct keeps the packs listed for the product, if there are any and others, too.
func (c *choice) sameProduct(product string) {
	mine := func(p Pack) bool {
		return slices.ContainsFunc(p.Products, func(name string) bool { return sameName(name, product) })
	}
	switch {
	case c.has(mine):
		if c.pass(PassOtherProduct, func(p Pack) bool { return !mine(p) }) {
			c.rules = append(c.rules, ProductName)
		}
	case len(c.left) > 1 && c.products() > 1:
		c.rules = append(c.rules, ProductUnknown)
	}
}

// products counts the different products among the packs left.
func (c *choice) products() int {
	var names []string
	for _, p := range c.left {
		names = addNames(names, p.Products)
	}
	return len(names)
}

func (c *choice) newest() {
	last := slices.MaxFunc(c.left, func(a, b Pack) int { return a.Released.Compare(b.Released) })
	if c.pass(PassOlder, func(p Pack) bool { return p.Released.Before(last.Released) }) {
		c.rules = append(c.rules, NewestReleased)
	}
	top := slices.MaxFunc(c.left, byID)
	if c.pass(PassSameDate, func(p Pack) bool { return byID(p, top) < 0 }) {
		c.rules = append(c.rules, SameDate)
	}
}

// byID orders packs that nothing else tells apart. No two packs of a model are the same in all of this.
func byID(a, b Pack) int {
	return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.URL, b.URL),
		strings.Compare(a.Target.Version, b.Target.Version))
}
