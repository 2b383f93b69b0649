package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/nattevakt/nattevakt/agent/internal/agent"
	"github.com/nattevakt/nattevakt/agent/internal/keys"
	"github.com/nattevakt/nattevakt/agent/internal/report"
)

// usageCode is the exit code of wrong flags and arguments.
const usageCode = 2

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "nattevakt-agent",
		Short:         "Nattevakt på maskinen (Nattevakt on this machine)",
		Version:       version,
		SilenceErrors: true, SilenceUsage: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &exitError{usageCode, err} })
	root.AddCommand(newRun(), newSvc(), newEnroll(), newInventory(), newStatus(), newService(), newVersion())
	return root
}

// options are the flags of the commands that run an agent.
type options struct {
	agent.Options
	logJSON bool
	verbose bool
}

func (o *options) register(flags *pflag.FlagSet) {
	registerState(flags, &o.State)
	flags.StringVar(&o.Root, "root", "/", "mappe som er maskinens rot (folder that stands for the machine's root)")
	flags.StringVar(&o.Bootstrap, "bootstrap", "", "oppstartsfil fra kontrollplanet (bootstrap file from the control plane)")
	flags.StringVar(&o.Token, "token", "", "skolens innmeldingskode, i stedet for filens (site token, instead of the file's)")
	flags.StringVar(&o.TPM, "tpm", keys.Auto, "auto, off eller sti (where the device key lives: auto, off or a TPM's path)")
	flags.StringVar(&o.Disk, "disk", "", "disk eller fil som skal skrives ved reimaging (imaging target)")
	flags.StringVar(&o.Metrics, "metrics", "", "adresse for Prometheus, bare 127.0.0.1:PORT (loopback address for Prometheus)")
	flags.DurationVar(&o.InventoryEvery, "inventory-every", report.DefaultInventoryEvery, "tid mellom inventar (time between inventories)")
	flags.DurationVar(&o.PatchEvery, "patch-every", report.DefaultPatchEvery, "tid mellom spørsmål om oppdateringer (time between patch states)")
	flags.DurationVar(&o.ClockOffset, "clock-offset", 0, "lat som maskinens klokke går feil (pretend that the machine's clock is off)")
	flags.BoolVar(&o.logJSON, "log-json", false, "logg som JSON (log as JSON)")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "logg mer (log more)")
	if err := flags.MarkHidden("clock-offset"); err != nil {
		panic(err) // the flag is defined above
	}
}

func registerState(flags *pflag.FlagSet, state *string) {
	flags.StringVar(state, "state", defaultState(), "mappe for agentens egne filer (state folder)")
}

func defaultState() string {
	if runtime.GOOS == "windows" {
		return filepath.Join(os.Getenv("ProgramData"), "Nattevakt", "Agent")
	}
	return "/var/lib/nattevakt-agent"
}

// complete checks what flags cannot, and makes the logger.
func (o *options) complete() error {
	if o.InventoryEvery < time.Second || o.PatchEvery < time.Second {
		return &exitError{usageCode, fmt.Errorf("--inventory-every and --patch-every: at least 1s")}
	}
	o.Version, o.Log = version, o.logger()
	return nil
}

func (o *options) logger() *slog.Logger {
	level := &slog.HandlerOptions{Level: slog.LevelInfo}
	if o.verbose {
		level.Level = slog.LevelDebug
	}
	if o.logJSON {
		return slog.New(slog.NewJSONHandler(os.Stderr, level))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, level))
}
