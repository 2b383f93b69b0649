package vendor

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pluginv1 "github.com/nattevakt/nattevakt/proto/nattevakt/plugin/v1"
)

func timeToProto(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func timeFromProto(t *timestamppb.Timestamp) time.Time {
	if t == nil || !t.IsValid() {
		return time.Time{}
	}
	return t.AsTime()
}

func targetToProto(t Target) *pluginv1.Target {
	return &pluginv1.Target{Os: t.OS, Version: t.Version, Arch: t.Arch}
}

func targetFromProto(t *pluginv1.Target) Target {
	return Target{OS: t.GetOs(), Version: t.GetVersion(), Arch: t.GetArch()}
}

func packToProto(p Pack) *pluginv1.Pack {
	return &pluginv1.Pack{
		Id: p.ID, Name: p.Name, Url: p.URL, Sha256: p.SHA256, SizeBytes: uint64(max(p.Size, 0)),
		Version: p.Version, Released: timeToProto(p.Released), Format: p.Format,
		Target: targetToProto(p.Target), Kind: pluginv1.PackKind(p.Kind),
		Products: p.Products, Catalogue: p.Catalogue,
	}
}

func packFromProto(p *pluginv1.Pack) Pack {
	return Pack{
		ID: p.GetId(), Name: p.GetName(), URL: p.GetUrl(), SHA256: p.GetSha256(), Size: int64(p.GetSizeBytes()),
		Version: p.GetVersion(), Released: timeFromProto(p.GetReleased()), Format: p.GetFormat(),
		Target: targetFromProto(p.GetTarget()), Kind: code[PackKind](p.GetKind()),
		Products: p.GetProducts(), Catalogue: p.GetCatalogue(),
	}
}

// code brings a number of the contract into a byte; one that does not fit, from a plugin gone wrong or
// far ahead, becomes 255, which nothing here knows.
func code[To ~uint8, From ~int32](n From) To {
	if n < 0 || n > 255 {
		return 255
	}
	return To(n)
}

func answerToProto(a Answer) *pluginv1.FindResponse {
	r := &pluginv1.FindResponse{Known: a.Known, Names: a.Names}
	if a.Pack != nil {
		r.Pack = packToProto(*a.Pack)
	}
	for _, rule := range a.Rules {
		r.Rules = append(r.Rules, pluginv1.Rule(rule))
	}
	for _, p := range a.PassedOver {
		r.PassedOver = append(r.PassedOver, &pluginv1.PassedOver{Pack: packToProto(p.Pack), Reason: pluginv1.PassReason(p.Reason)})
	}
	for _, m := range a.Nearest {
		r.Nearest = append(r.Nearest, &pluginv1.Model{ModelKey: m.Key, Names: m.Names})
	}
	return r
}

func answerFromProto(r *pluginv1.FindResponse) Answer {
	a := Answer{Known: r.GetKnown(), Names: r.GetNames()}
	if r.Pack != nil {
		p := packFromProto(r.Pack)
		a.Pack = &p
	}
	for _, rule := range r.GetRules() {
		a.Rules = append(a.Rules, code[Rule](rule))
	}
	for _, p := range r.GetPassedOver() {
		a.PassedOver = append(a.PassedOver, PassedOver{Pack: packFromProto(p.GetPack()), Reason: code[PassReason](p.GetReason())})
	}
	for _, m := range r.GetNearest() {
		a.Nearest = append(a.Nearest, Model{Key: m.GetModelKey(), Names: m.GetNames()})
	}
	return a
}

func indexedToProto(x Indexed) *pluginv1.IndexResponse {
	r := &pluginv1.IndexResponse{Models: uint32(x.Models), ProblemCount: uint32(x.ProblemCount)}
	for _, f := range x.Files {
		r.Files = append(r.Files, &pluginv1.CatalogueFile{
			Name: f.Name, Version: f.Version, Released: timeToProto(f.Released),
			Packs: uint32(f.Packs), Ignored: uint32(f.Ignored), Unusable: f.Unusable,
		})
	}
	for _, p := range x.Problems {
		r.Problems = append(r.Problems, &pluginv1.Problem{File: p.File, Entry: p.Entry, Text: p.Text})
	}
	return r
}

func indexedFromProto(r *pluginv1.IndexResponse) Indexed {
	x := Indexed{Models: int(r.GetModels()), ProblemCount: int(r.GetProblemCount())}
	for _, f := range r.GetFiles() {
		x.Files = append(x.Files, File{
			Name: f.GetName(), Version: f.GetVersion(), Released: timeFromProto(f.GetReleased()),
			Packs: int(f.GetPacks()), Ignored: int(f.GetIgnored()), Unusable: f.GetUnusable(),
		})
	}
	for _, p := range r.GetProblems() {
		x.Problems = append(x.Problems, Problem{File: p.GetFile(), Entry: p.GetEntry(), Text: p.GetText()})
	}
	return x
}
