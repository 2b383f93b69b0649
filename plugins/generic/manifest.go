package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/nattevakt/nattevakt/plugins/vendor"
)

// manifest is the form of the operator's file. format is 1; models are model keys as the inventory has them.
//
//	{"format": 1, "packs": [
//	  {"vendor": "Fujitsu", "models": ["FJNB2E5"], "product": "LIFEBOOK E5411", "file": "e5411.zip",
//	   "sha256": "…", "version": "3", "released": "2026-05-01",
//	   "os": "windows11", "release": "24H2", "arch": "amd64", "kind": "full"}]}
type manifest struct {
	Format int               `json:"format"`
	Packs  []json.RawMessage `json:"packs"`
}

// entry is one pack. File lies in the manifest's folder; URL is for one that lies elsewhere; one of them.
type entry struct {
	Vendor   string   `json:"vendor"`
	Models   []string `json:"models"`
	Product  string   `json:"product"`
	File     string   `json:"file"`
	URL      string   `json:"url"`
	SHA256   string   `json:"sha256"`
	Size     int64    `json:"size"`
	Version  string   `json:"version"`
	Released string   `json:"released"`
	OS       string   `json:"os"`
	Release  string   `json:"release"`
	Arch     string   `json:"arch"`
	Kind     string   `json:"kind"`
}

// kinds of pack; a pack that says nothing is full.
var kinds = map[string]vendor.PackKind{
	"": vendor.Full, "full": vendor.Full, "partial": vendor.Partial, "graphics": vendor.Graphics,
}

// parse reads a manifest.
func parse(source *vendor.Source, listing *vendor.Listing) error {
	text, err := io.ReadAll(source)
	if err != nil {
		return err
	}
	var m manifest
	if err := strict(text, &m); err != nil {
		return fmt.Errorf("is not a manifest of driver packs: %w", err)
	}
	if m.Format != 1 {
		return fmt.Errorf(`is of format %d; this plugin reads "format": 1`, m.Format)
	}
	for i, raw := range m.Packs {
		name := fmt.Sprintf("pack %d", i+1)
		var e entry
		if err := strict(raw, &e); err != nil {
			listing.Problem(name, "%v", err)
			continue
		}
		if err := list(source.Folder, name, e, listing); err != nil {
			listing.Problem(name, "%v", err)
		}
	}
	return nil
}

// strict refuses words that nobody asked for: a mistyped one would be lost without a sound.
func strict(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows its end")
	}
	return nil
}

func list(folder, name string, e entry, listing *vendor.Listing) error {
	pack, err := packOf(folder, e)
	if err != nil {
		return err
	}
	if e.Vendor == "" || len(e.Models) == 0 {
		return errors.New("vendor or models are missing")
	}
	for i, key := range e.Models {
		if key == "" {
			listing.Problem(name, "model %d is empty", i+1)
			continue
		}
		listing.Add(keyOf(e.Vendor, key), e.Product, pack)
	}
	return nil
}

func packOf(folder string, e entry) (vendor.Pack, error) {
	kind, ok := kinds[e.Kind]
	if !ok {
		return vendor.Pack{}, fmt.Errorf("kind %q is not full, partial or graphics", e.Kind)
	}
	released, err := time.Parse(time.DateOnly, e.Released)
	if err != nil {
		return vendor.Pack{}, fmt.Errorf("released %q is not a day like 2026-05-01", e.Released)
	}
	pack := vendor.Pack{
		ID: e.File, Name: e.File, URL: e.URL, SHA256: e.SHA256, Size: e.Size, Version: e.Version, Released: released,
		Target: vendor.Target{OS: e.OS, Version: e.Release, Arch: e.Arch}, Kind: kind,
	}
	switch {
	case (e.File == "") == (e.URL == ""):
		return pack, errors.New("needs one of file and url")
	case e.URL != "":
		pack.ID, pack.Name = e.URL, e.URL
		return pack, nil
	}
	pack.URL, pack.Size, err = local(folder, e.File, e.Size)
	return pack, err
}

// local finds a file in the manifest's folder, and its size.
func local(folder, name string, size int64) (link string, found int64, err error) {
	if !filepath.IsLocal(name) {
		return "", 0, fmt.Errorf("file %q is not in the manifest's folder", name)
	}
	folder, err = filepath.Abs(folder)
	if err != nil {
		return "", 0, err
	}
	path := filepath.Join(folder, name)
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", 0, err
	case !info.Mode().IsRegular():
		return "", 0, fmt.Errorf("%s is not a file", path)
	case size != 0 && size != info.Size():
		return "", 0, fmt.Errorf("%s has %d bytes, not %d", path, info.Size(), size)
	}
	slashed := filepath.ToSlash(path)
	if slashed[0] != '/' {
		slashed = "/" + slashed // C:/packs becomes file:///C:/packs
	}
	return (&url.URL{Scheme: "file", Path: slashed}).String(), info.Size(), nil
}
