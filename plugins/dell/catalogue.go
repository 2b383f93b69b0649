package main

import (
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/nattevakt/nattevakt/plugins/vendor"
)

// driverPackage is the part that is used of DriverPackManifest/DriverPackage, schema 2.3, from
// downloads.dell.com/catalog/DriverPackCatalog.cab.
type driverPackage struct {
	Path        string `xml:"path,attr"`
	ReleaseID   string `xml:"releaseID,attr"`
	Format      string `xml:"format,attr"`
	Type        string `xml:"type,attr"`
	Size        string `xml:"size,attr"`
	DateTime    string `xml:"dateTime,attr"`
	DellVersion string `xml:"dellVersion,attr"`
	Systems     []struct {
		Code string `xml:"osCode,attr"`
		Arch string `xml:"osArch,attr"`
	} `xml:"SupportedOperatingSystems>OperatingSystem"`
	Brands []struct {
		Models []struct {
			SystemID string `xml:"systemID,attr"`
			Name     string `xml:"name,attr"`
		} `xml:"Model"`
	} `xml:"SupportedSystems>Brand"`
	Hashes []struct {
		Algorithm string `xml:"algorithm,attr"`
		Value     string `xml:",chardata"`
	} `xml:"Cryptography>Hash"`
}

// windows are the osCodes of systems that packs are found for; what is missing here is ignored.
var windows = map[string]string{"Windows10": vendor.Windows10, "Windows11": vendor.Windows11}

var architectures = map[string]string{"x64": vendor.AMD64, "x86": vendor.X86, "arm64": vendor.ARM64}

// parse reads a DriverPackCatalog.
func parse(source *vendor.Source, listing *vendor.Listing) error {
	base := ""
	return source.Elements("DriverPackManifest", map[string]func(*vendor.Element) error{
		"DriverPackManifest": func(e *vendor.Element) error {
			base = e.Attr("baseLocation")
			released, _ := day(e.Attr("dateTime"))
			listing.Describe(e.Attr("version"), released)
			return nil
		},
		"DriverPackage": func(e *vendor.Element) error {
			var p driverPackage
			if err := e.Decode(&p); err != nil {
				return err
			}
			list(base, p, listing)
			return nil
		},
	})
}

// list adds one package for each of its systems and each of its models.
func list(base string, p driverPackage, listing *vendor.Listing) {
	if p.Type != "win" {
		listing.Ignore()
		return
	}
	pack, problem := common(base, p)
	if problem != "" {
		listing.Problem(p.ReleaseID, "%s", problem)
		return
	}
	used := false
	for _, system := range p.Systems {
		os, ok := windows[system.Code]
		if !ok {
			continue
		}
		used = true
		arch, ok := architectures[strings.ToLower(system.Arch)]
		if !ok {
			listing.Problem(p.ReleaseID, "architecture %q is not known", system.Arch)
			continue
		}
		pack.Target = vendor.Target{OS: os, Arch: arch}
		listModels(pack, p, listing)
	}
	if !used {
		listing.Ignore()
	}
}

func listModels(pack vendor.Pack, p driverPackage, listing *vendor.Listing) {
	models := 0
	for _, brand := range p.Brands {
		for _, m := range brand.Models {
			models++
			if !systemID.MatchString(strings.ToUpper(m.SystemID)) {
				listing.Problem(p.ReleaseID, "%q (%s) is not a system ID", m.SystemID, m.Name)
				continue
			}
			listing.Add(m.SystemID, m.Name, pack)
		}
	}
	if models == 0 {
		listing.Problem(p.ReleaseID, "it names no model")
	}
}

// common reads what a package has for all its systems and models.
func common(base string, p driverPackage) (pack vendor.Pack, problem string) {
	released, ok := day(p.DateTime)
	if !ok {
		return pack, "dateTime " + strconv.Quote(p.DateTime) + " is not a time"
	}
	size, err := strconv.ParseInt(p.Size, 10, 64)
	if err != nil {
		return pack, "size " + strconv.Quote(p.Size) + " is not a number"
	}
	if base == "" || p.Path == "" {
		return pack, "it has no address"
	}
	link := url.URL{Scheme: "https", Host: base, Path: "/" + strings.TrimPrefix(p.Path, "/")}
	return vendor.Pack{
		ID: p.ReleaseID, Name: path.Base(p.Path), URL: link.String(), SHA256: sha256(p), Size: size,
		Version: p.DellVersion, Released: released, Format: p.Format,
	}, ""
}

func sha256(p driverPackage) string {
	for _, h := range p.Hashes {
		if h.Algorithm == "SHA256" {
			return strings.TrimSpace(h.Value)
		}
	}
	return ""
}

// day reads Dell's times, which have no zone; they are taken as UTC.
func day(s string) (time.Time, bool) {
	t, err := time.Parse("2006-01-02T15:04:05", s)
	return t, err == nil
}
