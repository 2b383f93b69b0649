// Package operatorcli is the nattevakt command line for people: it talks to a control plane over mutual
// TLS with the credentials of an operator file, and shows what it says.
//
// Guarantees:
//   - Standard output holds the answer and nothing else; with --json it is one document (one per line while
//     watching), the contract's messages in protobuf's JSON mapping. Everything said beside the answer goes
//     to standard error.
//   - The exit code tells what happened; the codes are one table, exitCodes, and never change meaning.
//   - An error tells what happened, what is safe and what to do, in the person's language, never in gRPC's.
//   - A table fits the terminal; redirected output is not cut. Colour is for terminals only, never alone,
//     and not where NO_COLOR is set. Progress bars are drawn on terminals only.
//   - Norwegian bokmål unless LC_ALL, LC_MESSAGES, LANG or --lang asks for English.
//
// One file holds one command, made by its newXCommand. It decides nothing about the fleet: readiness, the
// plan and reasons come from the control plane, sentences for reasons from proto/reason. cmd/nattevakt is
// the only caller; it adds the commands that are the control plane itself.
package operatorcli

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// Host is the world that a command line runs in.
type Host struct {
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Now            func() time.Time
	// Zone is the person's own time zone.
	Zone *time.Location
	// Config is the folder of a person's settings; empty if there is none.
	Config string
	// Screen gives columns and rows of the terminal that Stdout is, zeroes where it is none.
	Screen func() (columns, rows int)
	// Bars tells whether Stderr is a terminal, where progress bars may be drawn.
	Bars bool
}

// Settings are what the program around the commands knows.
type Settings struct {
	Version string
	// StoreFile is the name of the store in the control plane's data folder, for restore.
	StoreFile string
}

// CLI is one command line. It runs once.
type CLI struct {
	host     Host
	settings Settings
	lang     lang
	root     *cobra.Command
	flags    struct {
		operator string
		lang     string
		json     bool
	}
}

// New makes the command line for args, the program's arguments without its name: their language decides
// the language of the help texts.
func New(host Host, settings Settings, args []string) *CLI {
	c := &CLI{host: host, settings: settings, lang: chooseLang(args, host.Getenv)}
	c.root = c.newRoot()
	c.root.SetArgs(append([]string{}, args...)) // never nil, for which cobra takes the process's own
	c.root.AddCommand(
		newOwnerCommand(c), newSiteCommand(c), newCabinetCommand(c), newDeviceCommand(c),
		newTokenCommand(c), newDeliveryCommand(c),
		newPushCommand(c), newNightCommand(c), newRolloutCommand(c), newImageCommand(c),
		newStatusCommand(c), newBackupCommand(c), newRestoreCommand(c),
		newVersionCommand(c), newCompletionCommand(c), newExitCodesTopic(c),
	)
	return c
}

// Add brings in commands of the program around.
func (c *CLI) Add(commands ...*cobra.Command) { c.root.AddCommand(commands...) }

// Run carries out the command and gives the exit code. Everything there is to say has been said.
func (c *CLI) Run(ctx context.Context) int {
	err := c.root.ExecuteContext(ctx)
	return int(c.report(ctx, err))
}

func (c *CLI) newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "nattevakt",
		Short: c.t("Nattevakt holder skolens maskiner klare til første time", "Nattevakt keeps the school's machines ready for the first lesson"),
		Args:  c.noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(c.host.Stdout)
	root.SetErr(c.host.Stderr)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(c.flagError)
	root.SetUsageFunc(c.writeUsage)
	root.SetHelpFunc(c.writeHelp)
	root.SetHelpCommand(c.newHelpCommand())
	pf := root.PersistentFlags()
	pf.StringVar(&c.flags.operator, "operator", "", c.t("`FIL` med operatørens nøkler (eller $NATTEVAKT_OPERATOR, data/operator/operator.json, nattevakt/operator.json blant egne innstillinger)",
		"`FILE` with the operator's keys (or $NATTEVAKT_OPERATOR, data/operator/operator.json, nattevakt/operator.json among your settings)"))
	pf.BoolVar(&c.flags.json, "json", false, c.t("skriv svaret som JSON", "write the answer as JSON"))
	pf.StringVar(&c.flags.lang, "lang", string(c.lang), c.t("svar på språket med denne `KODEN`: nb eller en", "answer in the language of this `CODE`: nb or en"))
	pf.BoolP("help", "h", false, c.t("vis hjelp", "show help"))
	must(root.MarkPersistentFlagFilename("operator", "json"))
	must(root.RegisterFlagCompletionFunc("lang", cobra.FixedCompletions([]string{"nb", "en"}, cobra.ShellCompDirectiveNoFileComp)))
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if c.flags.lang != string(nb) && c.flags.lang != string(en) {
			return c.usagef(c.t("--lang %q: velg nb eller en", "--lang %q: choose nb or en"), c.flags.lang)
		}
		return nil
	}
	return root
}

// must is for the wiring of flags: it can only fail by a misspelt name, on every run.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// group makes a command that only holds others.
func (c *CLI) group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  c.noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(commands...)
	return cmd
}
