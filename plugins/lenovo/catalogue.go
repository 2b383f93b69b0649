package main

import (
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/nattevakt/nattevakt/plugins/vendor"
)

// modelElement is the part that is used of ModelList/Model, from download.lenovo.com/cdrt/td/catalogv2.xml.
type modelElement struct {
	Name string `xml:"name,attr"`
	// CPU is the maker of the processor, in spite of the attribute's name; some models have none.
	CPU   string   `xml:"arch,attr"`
	Types []string `xml:"Types>Type"`
	SCCM  []file   `xml:"SCCM"`
	GFX   []file   `xml:"GFX"`
	HSA   []file   `xml:"HSA"`
	BIOS  []file   `xml:"BIOS"`
}

// file is one download of a model.
type file struct {
	OS      string `xml:"os,attr"`
	Version string `xml:"version,attr"`
	Date    string `xml:"date,attr"`
	// SHA256 is called crc in the catalogue; two of the real rows have none.
	SHA256 string `xml:"crc,attr"`
	URL    string `xml:",chardata"`
}

var windows = map[string]string{"win10": vendor.Windows10, "win11": vendor.Windows11}

// parse reads a catalogv2.xml.
func parse(source *vendor.Source, listing *vendor.Listing) error {
	return source.Elements("ModelList", map[string]func(*vendor.Element) error{
		"ModelList": func(e *vendor.Element) error {
			listing.Describe(e.Attr("version"), time.Time{})
			return nil
		},
		"Model": func(e *vendor.Element) error {
			var m modelElement
			if err := e.Decode(&m); err != nil {
				return err
			}
			list(m, listing)
			return nil
		},
	})
}

// typeList is the end of a model's name that repeats its machine types; SMBIOS has the name without it.
var typeList = regexp.MustCompile(`(?i)\s+types?\s+[0-9a-z]{4}\b.*$`)

func list(m modelElement, listing *vendor.Listing) {
	for range len(m.HSA) + len(m.BIOS) {
		listing.Ignore()
	}
	switch strings.ToLower(m.CPU) {
	case "", "intel", "amd":
	default:
		listing.Problem(m.Name, "processor %q is not known, so neither is the architecture of its packs", m.CPU)
		return
	}
	types := machineTypes(m, listing)
	for _, f := range m.SCCM {
		listFile(m, types, f, kindOf(f), listing)
	}
	for _, f := range m.GFX {
		listFile(m, types, f, vendor.Graphics, listing)
	}
}

func machineTypes(m modelElement, listing *vendor.Listing) []string {
	var good []string
	for _, t := range m.Types {
		t = strings.ToUpper(strings.TrimSpace(t))
		if !machineType.MatchString(t) {
			listing.Problem(m.Name, "%q is not a machine type", t)
			continue
		}
		good = append(good, t)
	}
	if len(m.Types) == 0 {
		listing.Problem(m.Name, "it has no machine type")
	}
	return good
}

// kindOf tells a full pack from the graphics pack that the real catalogue lists among them: its file name
// has the maker of the graphics card as a word.
func kindOf(f file) vendor.PackKind {
	words := strings.FieldsFunc(strings.ToLower(path.Base(f.URL)), func(r rune) bool { return r == '_' || r == '-' || r == '.' })
	for _, w := range words {
		if w == "nvidia" {
			return vendor.Graphics
		}
	}
	return vendor.Full
}

// listFile adds one file for each machine type.
func listFile(m modelElement, types []string, f file, kind vendor.PackKind, listing *vendor.Listing) {
	f.URL = strings.TrimSpace(f.URL)
	os, ok := windows[f.OS]
	if !ok {
		listing.Ignore()
		return
	}
	name := path.Base(f.URL)
	released, err := time.Parse(time.DateOnly, f.Date)
	if err != nil {
		listing.Problem(name, "date %q of %s is not a day", f.Date, m.Name)
		return
	}
	release := f.Version
	if release == "*" {
		release = ""
	}
	product := typeList.ReplaceAllString(m.Name, "")
	for _, t := range types {
		listing.Add(t, product, vendor.Pack{
			ID: name, Name: name, URL: f.URL, SHA256: f.SHA256, Released: released,
			Target: vendor.Target{OS: os, Version: release, Arch: vendor.AMD64}, Kind: kind,
		})
	}
}
