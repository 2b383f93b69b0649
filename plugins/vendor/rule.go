package vendor

import pluginv1 "github.com/nattevakt/nattevakt/proto/nattevakt/plugin/v1"

// Rule is a step on the way to a pack. The numbers are those of the contract.
type Rule uint8

// The rules, named as in the contract.
const (
	OnlyOne           = Rule(pluginv1.Rule_RULE_ONLY_ONE)
	FullBeforePartial = Rule(pluginv1.Rule_RULE_FULL_BEFORE_PARTIAL)
	ExactVersion      = Rule(pluginv1.Rule_RULE_EXACT_VERSION)
	EveryVersion      = Rule(pluginv1.Rule_RULE_EVERY_VERSION)
	OlderVersion      = Rule(pluginv1.Rule_RULE_OLDER_VERSION)
	NewestVersion     = Rule(pluginv1.Rule_RULE_NEWEST_VERSION)
	ProductName       = Rule(pluginv1.Rule_RULE_PRODUCT_NAME)
	ProductUnknown    = Rule(pluginv1.Rule_RULE_PRODUCT_UNKNOWN)
	NewestReleased    = Rule(pluginv1.Rule_RULE_NEWEST_RELEASED)
	SameDate          = Rule(pluginv1.Rule_RULE_SAME_DATE)
)

// PassReason is why a pack of the right model was not chosen. The numbers are those of the contract.
type PassReason uint8

// The reasons, named as in the contract.
const (
	PassOtherOS      = PassReason(pluginv1.PassReason_PASS_REASON_OTHER_OS)
	PassOtherArch    = PassReason(pluginv1.PassReason_PASS_REASON_OTHER_ARCH)
	PassNewerVersion = PassReason(pluginv1.PassReason_PASS_REASON_NEWER_VERSION)
	PassGraphicsOnly = PassReason(pluginv1.PassReason_PASS_REASON_GRAPHICS_ONLY)
	PassNoSHA256     = PassReason(pluginv1.PassReason_PASS_REASON_NO_SHA256)
	PassPartial      = PassReason(pluginv1.PassReason_PASS_REASON_PARTIAL)
	PassOlderVersion = PassReason(pluginv1.PassReason_PASS_REASON_OLDER_VERSION)
	PassEveryVersion = PassReason(pluginv1.PassReason_PASS_REASON_EVERY_VERSION)
	PassOtherProduct = PassReason(pluginv1.PassReason_PASS_REASON_OTHER_PRODUCT)
	PassOlder        = PassReason(pluginv1.PassReason_PASS_REASON_OLDER)
	PassSameDate     = PassReason(pluginv1.PassReason_PASS_REASON_SAME_DATE)
)

// text is one sentence part in the two languages of the house.
type text struct{ nb, en string }

func (t text) in(lang string) string {
	if lang == "en" {
		return t.en
	}
	return t.nb
}

var ruleTexts = map[Rule]text{
	OnlyOne:           {"bare én pakke kan brukes", "only one pack can be used"},
	FullBeforePartial: {"hel pakke går foran delvis", "a full pack goes before a partial one"},
	ExactVersion:      {"pakken er for akkurat denne Windows-utgaven", "the pack is for exactly this Windows release"},
	EveryVersion:      {"pakken er for alle utgaver av dette Windows", "the pack is for every release of this Windows"},
	OlderVersion:      {"ingen pakke for denne Windows-utgaven; den nyeste eldre er valgt", "no pack for this Windows release; the newest older one is taken"},
	NewestVersion:     {"ingen Windows-utgave er oppgitt; den nyeste er valgt", "no Windows release was asked for; the newest is taken"},
	ProductName:       {"flere modeller deler nøkkelen; produktnavnet skilte dem", "models share the key; the product name told them apart"},
	ProductUnknown:    {"flere modeller deler nøkkelen, og ingen har dette produktnavnet", "models share the key, and none has this product name"},
	NewestReleased:    {"den sist utgitte pakken er valgt", "the pack released last is taken"},
	SameDate:          {"utgitt samme dag; den med høyest ID er valgt", "released at the same time; the one with the higher id is taken"},
}

var passTexts = map[PassReason]text{
	PassOtherOS:      {"for et annet operativsystem", "for another operating system"},
	PassOtherArch:    {"for en annen prosessorarkitektur", "for another processor architecture"},
	PassNewerVersion: {"for en nyere Windows-utgave", "for a newer Windows release"},
	PassGraphicsOnly: {"har bare skjermdriver", "has a graphics driver only"},
	PassNoSHA256:     {"katalogen mangler SHA-256, så pakken kan ikke kontrolleres", "the catalogue has no SHA-256, so the pack cannot be verified"},
	PassPartial:      {"har bare noen av driverne", "has only some of the drivers"},
	PassOlderVersion: {"for en eldre Windows-utgave", "for an older Windows release"},
	PassEveryVersion: {"for alle utgaver; en annen er for akkurat denne", "for every release; another is for exactly this one"},
	PassOtherProduct: {"for en annen modell med samme nøkkel", "for another model with the same key"},
	PassOlder:        {"utgitt tidligere", "released earlier"},
	PassSameDate:     {"utgitt samme dag, med lavere ID", "released at the same time, with a lower id"},
}

// Text says the rule in lang, "en" or else bokmål; a rule this build does not know is the empty string.
func (r Rule) Text(lang string) string { return ruleTexts[r].in(lang) }

// Text says the reason in lang, "en" or else bokmål; one this build does not know is the empty string.
func (r PassReason) Text(lang string) string { return passTexts[r].in(lang) }
