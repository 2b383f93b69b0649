package vendors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/nattevakt/nattevakt/plugins/vendor"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
)

// Answer is who knows a model, and its driver pack, with everything that led there.
type Answer struct {
	Hardware fleet.Hardware
	Target   vendor.Target
	// Plugin knows the model; empty where none does.
	Plugin   string
	Identity vendor.Identity
	// Packs is the plugin's answer; nil where it gave none, and Problem then says why.
	Packs   *vendor.Answer
	Problem string
	// Voices are all plugins, by name.
	Voices []Voice
}

// Voice is what one plugin said about a machine.
type Voice struct {
	Plugin string
	// Mine is set where the plugin says the machine is of its vendor.
	Mine bool
	// Silent says why the plugin could not be asked or not be believed.
	Silent string
}

// Explain asks all plugins whose machine this is and the one that knows it for its driver pack. Where
// several claim it, the one that names the vendor goes before one for any vendor, then the first by name.
// That nobody knows the machine, or that a plugin is down, is an Answer; errors are the caller's: a bad
// target, hardware without a vendor, or a context that ended.
func (h *Host) Explain(ctx context.Context, hardware fleet.Hardware, target vendor.Target) (Answer, error) {
	answer := Answer{Hardware: hardware, Target: target}
	if hardware.Vendor == "" {
		return answer, errors.New("the machine's vendor is not known")
	}
	if err := target.Check(); err != nil {
		return answer, err
	}
	identities := h.identify(ctx, &answer)
	if err := ctx.Err(); err != nil {
		return answer, err
	}
	best := h.choose(answer)
	if best < 0 {
		return answer, nil
	}
	answer.Plugin, answer.Identity = h.plugins[best].found.name, identities[best]
	packs, err := h.find(ctx, h.plugins[best], answer)
	if err != nil {
		answer.Problem = err.Error()
		return answer, ctx.Err()
	}
	answer.Packs = &packs
	return answer, nil
}

// identify asks all plugins at once and fills the answer's voices.
func (h *Host) identify(ctx context.Context, answer *Answer) []vendor.Identity {
	identities := make([]vendor.Identity, len(h.plugins))
	answer.Voices = make([]Voice, len(h.plugins))
	asked := vendor.Hardware{
		Vendor: answer.Hardware.Vendor, Product: answer.Hardware.Product, ModelKey: answer.Hardware.ModelKey,
	}
	var all sync.WaitGroup
	for i, s := range h.plugins {
		all.Go(func() {
			got, err := call(ctx, s, func(ctx context.Context, p *process) (vendor.Identity, error) {
				return identify(ctx, p, asked)
			})
			answer.Voices[i] = Voice{Plugin: s.found.name, Mine: got.Mine}
			if err != nil {
				answer.Voices[i].Silent = err.Error()
			}
			identities[i] = got
		})
	}
	all.Wait()
	return identities
}

func identify(ctx context.Context, p *process, hardware vendor.Hardware) (vendor.Identity, error) {
	if p.identifier == nil {
		return vendor.Identity{}, nil
	}
	got, err := p.identifier.Identify(ctx, hardware)
	if err != nil {
		return vendor.Identity{}, err
	}
	return got, got.Check()
}

// choose picks the plugin that is believed, or -1.
func (h *Host) choose(answer Answer) int {
	best := -1
	for i, v := range answer.Voices {
		if !v.Mine || v.Silent != "" {
			continue
		}
		names := slices.ContainsFunc(h.plugins[i].report().Info.Vendors, func(name string) bool {
			return strings.EqualFold(name, answer.Hardware.Vendor)
		})
		if names {
			return i
		}
		if best < 0 {
			best = i
		}
	}
	return best
}

func (h *Host) find(ctx context.Context, s *supervised, answer Answer) (vendor.Answer, error) {
	if answer.Identity.ModelKey == "" {
		return vendor.Answer{}, fmt.Errorf("the machine's firmware does not carry a model key of %s (it says %.64q)",
			answer.Hardware.Vendor, answer.Hardware.ModelKey)
	}
	query := vendor.Query{ModelKey: answer.Identity.ModelKey, Product: answer.Hardware.Product, Target: answer.Target}
	got, err := call(ctx, s, func(ctx context.Context, p *process) (vendor.Answer, error) {
		if p.packs == nil {
			return vendor.Answer{}, errors.New("it does not find driver packs")
		}
		got, err := p.packs.Find(ctx, query)
		if err != nil {
			return got, err
		}
		return got, got.Check(query)
	})
	switch {
	case errors.Is(err, vendor.ErrNoCatalogue):
		return got, fmt.Errorf("plugin %s has no catalogue: %s", s.found.name, s.report().CatalogueProblem)
	case err != nil:
		return got, fmt.Errorf("plugin %s, model %s: %w", s.found.name, query.ModelKey, err)
	}
	return got, nil
}
