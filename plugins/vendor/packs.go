package vendor

import "time"

// The systems that packs are for, and the architectures in Go's words.
const (
	Windows10 = "windows10"
	Windows11 = "windows11"

	AMD64 = "amd64"
	ARM64 = "arm64"
	X86   = "386"
)

// Target is the operating system that drivers are wanted for.
type Target struct {
	// OS is Windows10 or Windows11.
	OS string
	// Version is the feature release, "24H2". In a query empty asks for the newest; in a pack it means
	// every release.
	Version string
	Arch    string
}

// Query asks for the pack of one model.
type Query struct {
	// ModelKey as Identify gave it.
	ModelKey string
	// Product is the name in SMBIOS; it only breaks ties between models that share the key.
	Product string
	Target  Target
}

// Pack is one driver pack for one target.
type Pack struct {
	// ID is the vendor's: a Dell release id, an HP SoftPaq, else the file's name.
	ID   string
	Name string
	URL  string
	// SHA256 in lower-case hex; empty where the catalogue has none.
	SHA256 string
	// Size in bytes; 0 where the catalogue does not say.
	Size     int64
	Version  string
	Released time.Time
	// Format is the file's kind: cab, exe, msi, zip.
	Format string
	Target Target
	Kind   PackKind
	// Products are the models that the pack is listed for under the asked key.
	Products []string
	// Catalogue is the file that lists it.
	Catalogue string
}

// PackKind says how much of a model's drivers a pack has. The numbers are those of the contract.
type PackKind uint8

// The kinds.
const (
	Full     PackKind = 1
	Partial  PackKind = 2
	Graphics PackKind = 3
)

// Answer is what came of a Query, with everything that led to it.
type Answer struct {
	// Known is set where the catalogue has the model key, be it for another target.
	Known bool
	// Names are what the catalogue calls the models with this key.
	Names []string
	// Pack is nil where none fits.
	Pack *Pack
	// Rules are the choices that led to Pack, in order.
	Rules []Rule
	// PassedOver has every other pack of the model key.
	PassedOver []PassedOver
	// Nearest are at most MaxNearest known models close to an unknown key, nearest first.
	Nearest []Model
}

// Model is a model key and what the catalogue calls it.
type Model struct {
	Key   string
	Names []string
}

// PassedOver is a pack of the right model that was not chosen.
type PassedOver struct {
	Pack   Pack
	Reason PassReason
}

// Indexed is what came of reading a catalogue.
type Indexed struct {
	// Files are all that were looked at.
	Files []File
	// Models counts the model keys that have at least one pack.
	Models int
	// Problems are the first MaxProblems of ProblemCount entries that could not be used.
	Problems     []Problem
	ProblemCount int
}

// Packs counts the packs of all files.
func (x Indexed) Packs() int {
	sum := 0
	for _, f := range x.Files {
		sum += f.Packs
	}
	return sum
}

// File is one file that was looked at.
type File struct {
	Name string
	// Version and Released are the catalogue's own; empty where it says nothing.
	Version  string
	Released time.Time
	// Packs counts packs, each once for every target it is for.
	Packs int
	// Ignored counts entries that are well but of no use here: another OS, firmware, store apps.
	Ignored int
	// Unusable says why nothing of the file was taken; empty where it was read.
	Unusable string
}

// Problem is one entry of a catalogue that could not be used.
type Problem struct {
	File string
	// Entry names it as the vendor does: a release id, a SoftPaq, a machine type.
	Entry string
	Text  string
}

// Bounds of what a plugin may answer.
const (
	MaxNearest  = 5
	MaxProblems = 100
	// MaxPerModel bounds the packs of one model key, and with it PassedOver.
	MaxPerModel = 500
)
