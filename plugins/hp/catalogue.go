package main

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/nattevakt/nattevakt/plugins/vendor"
)

// softPaq is the part that is used of SoftPaqList/SoftPaq, from
// hpia.hpcloud.hp.com/downloads/driverpackcatalog/HPClientDriverPackCatalog.cab.
type softPaq struct {
	ID           string `xml:"Id"`
	Name         string
	Version      string
	URL          string `xml:"Url"`
	Size         string
	SHA256       string
	DateReleased string
}

// row is ProductOSDriverPackList/ProductOSDriverPack: which SoftPaq serves a product on a system.
type row struct {
	Architecture string
	SystemID     string `xml:"SystemId"`
	SystemName   string
	OSName       string
	SoftPaqID    string `xml:"SoftPaqId"`
}

// parse reads an HPClientDriverPackCatalog. Rows are joined with their SoftPaqs at the end: the file need
// not have them in any order.
func parse(source *vendor.Source, listing *vendor.Listing) error {
	softPaqs := map[string]softPaq{}
	var rows []row
	err := source.Elements("NewDataSet", map[string]func(*vendor.Element) error{
		"HPClientDriverPackCatalog": func(e *vendor.Element) error {
			released, _ := time.Parse("2006-01-02", e.Attr("DateReleased"))
			listing.Describe(e.Attr("DateReleased"), released)
			return nil
		},
		"SoftPaq": func(e *vendor.Element) error {
			var s softPaq
			err := e.Decode(&s)
			softPaqs[strings.ToLower(s.ID)] = s
			return err
		},
		"ProductOSDriverPack": func(e *vendor.Element) error {
			var r row
			err := e.Decode(&r)
			rows = append(rows, r)
			return err
		},
	})
	if err != nil {
		return err
	}
	for _, r := range rows {
		list(r, softPaqs, listing)
	}
	return nil
}

// list adds one row for each of its boards.
func list(r row, softPaqs map[string]softPaq, listing *vendor.Listing) {
	entry := r.SoftPaqID + " for " + r.SystemName
	target, ok := targetOf(r)
	if !ok {
		listing.Ignore()
		return
	}
	if target.Arch == "" {
		listing.Problem(entry, "architecture %q is not known", r.Architecture)
		return
	}
	s, ok := softPaqs[strings.ToLower(r.SoftPaqID)]
	if !ok {
		listing.Problem(entry, "the catalogue has no SoftPaq %q", r.SoftPaqID)
		return
	}
	pack, problem := packOf(s)
	if problem != "" {
		listing.Problem(entry, "%s", problem)
		return
	}
	pack.Target = target
	for id := range strings.SplitSeq(r.SystemID, ",") {
		id = strings.ToUpper(strings.TrimSpace(id))
		if !boardID.MatchString(id) {
			listing.Problem(entry, "%q is not a board id", id)
			continue
		}
		listing.Add(id, r.SystemName, pack)
	}
}

// osName is "Windows 11 64-bit, 24H2"; IoT and LTSC editions are called otherwise and do not match.
var osName = regexp.MustCompile(`^Windows (10|11)(?: (?:32|64)-bit)?, (\w{4})$`)

var architectures = map[string]string{"64-bit": vendor.AMD64, "32-bit": vendor.X86}

// targetOf reads what a row is for; Arch is empty where the catalogue has a new word.
func targetOf(r row) (vendor.Target, bool) {
	m := osName.FindStringSubmatch(strings.TrimSpace(r.OSName))
	if m == nil {
		return vendor.Target{}, false
	}
	return vendor.Target{OS: "windows" + m[1], Version: m[2], Arch: architectures[r.Architecture]}, true
}

func packOf(s softPaq) (pack vendor.Pack, problem string) {
	released, err := time.Parse("1/2/2006 3:04:05 PM", s.DateReleased)
	if err != nil {
		return pack, "DateReleased " + strconv.Quote(s.DateReleased) + " is not a time"
	}
	size, err := strconv.ParseInt(s.Size, 10, 64)
	if err != nil {
		return pack, "Size " + strconv.Quote(s.Size) + " is not a number"
	}
	return vendor.Pack{
		ID: s.ID, Name: s.Name, URL: strings.TrimSpace(s.URL), SHA256: strings.TrimSpace(s.SHA256),
		Size: size, Version: s.Version, Released: released,
	}, ""
}
