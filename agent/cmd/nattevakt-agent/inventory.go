package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/nattevakt/nattevakt/agent/internal/inventory"
	"github.com/nattevakt/nattevakt/agent/internal/patch"
	v1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

func newInventory() *cobra.Command {
	var root string
	var asJSON, noPatch bool
	cmd := &cobra.Command{
		Use:   "inventory",
		Short: "Vis det agenten ville rapportert (show what the agent would report)",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found := look(cmd, root, noPatch)
			if asJSON {
				return found.writeJSON(cmd)
			}
			found.writeText(cmd)
			return nil
		},
	}
	cmd.Flags().StringVar(&root, "root", "/", "mappe som er maskinens rot (folder that stands for the machine's root)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "skriv JSON (write JSON)")
	cmd.Flags().BoolVar(&noPatch, "no-patch", false, "ikke spør om oppdateringer (do not ask about updates)")
	return cmd
}

// findings are a report and what it took to make it.
type findings struct {
	inventory                *v1.Inventory
	patch                    *v1.PatchState
	digest                   [16]byte
	tookInventory, tookPatch time.Duration
}

func look(cmd *cobra.Command, root string, noPatch bool) findings {
	var f findings
	begun := time.Now()
	f.inventory = inventory.Collect(cmd.Context(), inventory.Options{Root: root})
	f.tookInventory = time.Since(begun)
	if !noPatch {
		begun = time.Now()
		log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
		f.patch = patch.Collect(cmd.Context(), patch.Options{Root: root, Log: log})
		f.tookPatch = time.Since(begun)
	}
	f.digest = inventory.Digest(inventory.Sections(f.inventory, f.patch))
	return f
}

func (f findings) writeJSON(cmd *cobra.Command) error {
	out := struct {
		Digest      string          `json:"digest"`
		InventoryMS float64         `json:"inventory_ms"`
		PatchMS     float64         `json:"patch_ms"`
		Inventory   json.RawMessage `json:"inventory"`
		Patch       json.RawMessage `json:"patch,omitempty"`
	}{fmt.Sprintf("%x", f.digest), milliseconds(f.tookInventory), milliseconds(f.tookPatch), nil, nil}
	var err error
	if out.Inventory, err = protoJSON(f.inventory); err != nil {
		return err
	}
	if f.patch != nil {
		if out.Patch, err = protoJSON(f.patch); err != nil {
			return err
		}
	}
	encoder := json.NewEncoder(cmd.OutOrStdout())
	encoder.SetIndent("", "  ")
	return encoder.Encode(out)
}

func protoJSON(m proto.Message) (json.RawMessage, error) {
	return protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: false}.Marshal(m)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (f findings) writeText(cmd *cobra.Command) {
	in := f.inventory
	line := func(name, format string, args ...any) {
		cmd.Printf("%-34s "+format+"\n", append([]any{name}, args...)...)
	}
	line("Maskin (machine)", "%s %s", in.GetIdentity().GetVendor(), in.GetIdentity().GetProduct())
	line("Modellnøkkel (model key)", "%s", in.GetIdentity().GetModelKey())
	line("Serienummer (serial)", "%s", in.GetIdentity().GetSerial())
	line("Prosessor (processor)", "%s, %d kjerner (cores)", in.GetProcessor().GetModel(), in.GetProcessor().GetCores())
	line("Minne (memory)", "%.1f GiB", gib(in.GetMemory().GetTotalBytes()))
	for _, d := range in.GetDisks() {
		line("Disk", "%s, %.1f GiB, %s", strings.TrimSpace(d.GetName()+" "+d.GetModel()), gib(d.GetSizeBytes()), d.GetKind())
	}
	for _, b := range in.GetBatteries() {
		line("Batteri (battery)", "%s %d/%d mWh", b.GetName(), b.GetFullMwh(), b.GetDesignMwh())
	}
	for _, a := range in.GetAdapters() {
		line("Nettverk (network)", "%s %s %s", a.GetName(), a.GetKind(), a.GetMac())
	}
	line("Operativsystem (OS)", "%s, %s", in.GetOs().GetName(), in.GetOs().GetKernel())
	for _, c := range in.GetPackages().GetCounts() {
		line("Pakker (packages)", "%s %d", c.GetManager(), c.GetInstalled())
	}
	for _, p := range in.GetProblems() {
		line("Problem", "%s: %s", p.GetCollector(), p.GetProblem())
	}
	f.writePatch(line)
	line("Sammendrag (digest)", "%x", f.digest)
	line("Tid brukt (time taken)", "%.1f ms, oppdateringer (patch state) %.1f ms", milliseconds(f.tookInventory), milliseconds(f.tookPatch))
}

func (f findings) writePatch(line func(name, format string, args ...any)) {
	if f.patch == nil {
		return
	}
	for _, s := range f.patch.GetSources() {
		if s.GetProblem() != "" {
			line("Kilde (source)", "%s: %s", s.GetName(), s.GetProblem())
		}
	}
	security := 0
	for _, u := range f.patch.GetMissing() {
		if u.GetSeverity() >= v1.Severity_SEVERITY_SECURITY {
			security++
		}
	}
	line("Mangler oppdateringer (missing)", "%d, sikkerhet (security) %d", len(f.patch.GetMissing()), security)
	line("Venter på omstart (reboot pending)", "%v", f.patch.GetRebootPending())
}

func gib(bytes uint64) float64 { return float64(bytes) / (1 << 30) }
