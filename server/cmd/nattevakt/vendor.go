package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nattevakt/nattevakt/plugins/vendor"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/vendors"
)

// vendorFlags say where plugins are and what is asked.
type vendorFlags struct {
	plugins, catalogues string
	hardware            fleet.Hardware
	target              vendor.Target
}

// newVendorCommand asks vendor plugins on this machine; it needs no control plane.
func newVendorCommand() *cobra.Command {
	f := &vendorFlags{target: vendor.Target{OS: vendor.Windows11, Arch: vendor.AMD64}}
	cmd := &cobra.Command{
		Use:   "vendor",
		Short: "Spør leverandørenes tillegg / ask the vendors' plugins",
		Long: `Runs the vendor plugins of a folder (nattevakt-vendor-NAME, each with a line in SHA256SUMS) on this machine
and asks them about models and driver packs. Catalogues lie in a folder with a file or folder for each plugin.`,
	}
	fs := cmd.PersistentFlags()
	fs.StringVar(&f.plugins, "plugins", "plugins", "folder of the plugins and their SHA256SUMS")
	fs.StringVar(&f.catalogues, "catalogues", "", "folder with a catalogue for each plugin, by its name")
	cmd.AddCommand(newVendorListCommand(f), newVendorExplainCommand(f))
	return cmd
}

func (f *vendorFlags) open(cmd *cobra.Command) (*vendors.Host, error) {
	c := vendors.Defaults(f.plugins)
	c.Catalogues = f.catalogues
	c.Log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	return vendors.Open(cmd.Context(), c)
}

// wantsJSON reads the flag that every command has.
func wantsJSON(cmd *cobra.Command) bool {
	yes, err := cmd.Flags().GetBool("json")
	return err == nil && yes
}

func newVendorListCommand(f *vendorFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Vis tilleggene og katalogene deres / show the plugins and their catalogues",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := f.open(cmd)
			if err != nil {
				return err
			}
			defer h.Close()
			if wantsJSON(cmd) {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(h.List())
			}
			for _, s := range h.List() {
				printPlugin(cmd.OutOrStdout(), s)
			}
			return nil
		},
	}
}

func printPlugin(w io.Writer, s vendors.Status) {
	fmt.Fprintf(w, "%-12s %-9s %d modeller/models, %d pakker/packs", s.Name, s.State, s.Catalogue.Models, s.Catalogue.Packs())
	for _, why := range []string{s.Problem, s.CatalogueProblem} {
		if why != "" {
			fmt.Fprintf(w, "; %s", why)
		}
	}
	fmt.Fprintln(w)
	for _, p := range s.Catalogue.Problems {
		fmt.Fprintf(w, "  %s, %s: %s\n", p.File, p.Entry, p.Text)
	}
}

func newVendorExplainCommand(f *vendorFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Hvilken driverpakke en modell får, og hvorfor / which driver pack a model gets, and why",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := f.open(cmd)
			if err != nil {
				return err
			}
			defer h.Close()
			answer, err := h.Explain(cmd.Context(), f.hardware, f.target)
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(answer)
			}
			printAnswer(cmd.OutOrStdout(), answer)
			return nil
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.hardware.Vendor, "vendor", "", "the machine's vendor, as the inventory shows it")
	fs.StringVar(&f.hardware.ModelKey, "model-key", "", "the machine's model key, as the inventory shows it")
	fs.StringVar(&f.hardware.Product, "product", "", "the model's name; it only breaks ties")
	fs.StringVar(&f.target.OS, "os", f.target.OS, "windows10 or windows11")
	fs.StringVar(&f.target.Version, "os-version", "", "feature release, as 24H2; empty for the newest")
	fs.StringVar(&f.target.Arch, "arch", f.target.Arch, "amd64, arm64 or 386")
	_ = cmd.MarkFlagRequired("vendor")    // exists, some lines above
	_ = cmd.MarkFlagRequired("model-key") // likewise
	return cmd
}

func printAnswer(w io.Writer, a vendors.Answer) {
	for _, v := range a.Voices {
		if v.Silent != "" {
			fmt.Fprintf(w, "%s: %s\n", v.Plugin, v.Silent)
		}
	}
	switch {
	case a.Plugin == "":
		fmt.Fprintf(w, "Ingen tillegg kjenner / no plugin knows %s %s\n", a.Hardware.Vendor, a.Hardware.ModelKey)
	case a.Packs == nil:
		fmt.Fprintf(w, "%s: %s\n", a.Plugin, a.Problem)
	case a.Packs.Pack == nil:
		fmt.Fprintf(w, "%s: ingen pakke passer / no pack fits %s %s\n", a.Plugin, a.Hardware.ModelKey, strings.Join(a.Packs.Names, ", "))
		for _, m := range a.Packs.Nearest {
			fmt.Fprintf(w, "  nærmest / nearest: %s %s\n", m.Key, strings.Join(m.Names, ", "))
		}
	default:
		printPack(w, a)
	}
}

func printPack(w io.Writer, a vendors.Answer) {
	p := a.Packs.Pack
	fmt.Fprintf(w, "%s %s (%s): %s\n  %s %s, %s, %d bytes\n  %s\n  sha256 %s\n", a.Plugin, a.Hardware.ModelKey, strings.Join(a.Packs.Names, ", "),
		p.Name, p.ID, p.Version, p.Released.Format("2006-01-02"), p.Size, p.URL, p.SHA256)
	for _, r := range a.Packs.Rules {
		fmt.Fprintf(w, "  regel / rule: %s / %s\n", r.Text("nb"), r.Text("en"))
	}
	for _, o := range a.Packs.PassedOver {
		fmt.Fprintf(w, "  forbigått / passed over: %s: %s / %s\n", o.Pack.ID, o.Reason.Text("nb"), o.Reason.Text("en"))
	}
}
