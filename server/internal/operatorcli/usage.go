package operatorcli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/server/internal/operatorcli/table"
)

// usagef is usage with a format.
func (c *CLI) usagef(format string, args ...any) error { return c.usage(fmt.Sprintf(format, args...)) }

// usage is the error for a command that was written wrongly.
func (c *CLI) usage(what string) error {
	return &fault{
		code: exitUsage,
		what: what,
		next: c.t("Se hvordan kommandoen brukes med --help.", "See how the command is used with --help."),
	}
}

// noArgs is for commands that take none, and for those that only hold others.
func (c *CLI) noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if !cmd.HasSubCommands() {
		return c.usagef(c.t("%s tar ingen argumenter, men fikk «%s»", "%s takes no arguments, but got “%s”"), cmd.CommandPath(), args[0])
	}
	cmd.SuggestionsMinimumDistance = max(cmd.SuggestionsMinimumDistance, 2)
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return c.usagef(c.t("«%s %s» finnes ikke; mente du %s?", "there is no “%s %s”; did you mean %s?"), cmd.CommandPath(), args[0], strings.Join(near, ", "))
	}
	return c.usagef(c.t("«%s %s» finnes ikke", "there is no “%s %s”"), cmd.CommandPath(), args[0])
}

// oneArg is for commands that need exactly one; what names it to people.
func (c *CLI) oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return c.usagef(c.t("%s trenger %s, men fikk %d argumenter", "%s needs %s, but got %d arguments"), cmd.CommandPath(), what, len(args))
	}
}

// upToOneArg is for commands that take one or none.
func (c *CLI) upToOneArg(cmd *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return nil
	}
	return c.usagef(c.t("%s tar høyst ett argument, men fikk %d", "%s takes at most one argument, but got %d"), cmd.CommandPath(), len(args))
}

// need is the check of a flag that has no default.
func (c *CLI) need(flag, value string) error {
	if value != "" {
		return nil
	}
	return c.usagef(c.t("--%s mangler", "--%s is missing"), flag)
}

// newName is the argument of commands that make something with a short name.
func (c *CLI) newName(cmd *cobra.Command, args []string) error {
	if err := c.oneArg(c.t("et kortnavn", "an id"))(cmd, args); err != nil {
		return err
	}
	if _, err := id.ParseName(args[0]); err != nil {
		return c.usagef(c.t("kortnavnet «%s»: bruk 1–63 små bokstaver a–z, tall og bindestreker, ikke bindestrek først eller sist", "the id “%s”: use 1–63 lower-case letters a–z, digits and hyphens, not first or last a hyphen"), args[0])
	}
	return nil
}

// flagError says in the person's language what pflag says in English.
func (c *CLI) flagError(_ *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return c.usagef(c.t("flagget %s finnes ikke", "there is no flag %s"), dashed(unknown.GetSpecifiedName()))
	case errors.As(err, &missing):
		return c.usagef(c.t("flagget %s trenger en verdi", "the flag %s needs a value"), dashed(missing.GetSpecifiedName()))
	case errors.As(err, &invalid):
		return c.usagef(c.t("flagget --%s kan ikke være «%s»", "the flag --%s cannot be “%s”"), invalid.GetFlag().Name, invalid.GetValue())
	}
	return c.usage(err.Error())
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// writeHelp is what --help shows.
func (c *CLI) writeHelp(cmd *cobra.Command, _ []string) {
	text := cmd.Long
	if text == "" {
		text = cmd.Short
	}
	_, _ = fmt.Fprintln(cmd.OutOrStdout(), fill(text, c.columns())) // an output that is closed needs no help
	if cmd.Runnable() {
		_ = c.writeUsage(cmd)
	}
}

// fill joins the lines of each paragraph and breaks them anew between words so that they fit width. A line
// that begins with a space is left as it is, an empty one ends a paragraph.
func fill(text string, width int) string {
	if width <= 0 {
		width = 100
	}
	var b strings.Builder
	var words []string
	flush := func() {
		b.WriteString(filled(words, width))
		words = nil
	}
	for line := range strings.Lines(text) {
		if line == "\n" || strings.HasPrefix(line, " ") {
			flush()
			b.WriteString(line)
			continue
		}
		words = append(words, strings.Fields(line)...)
	}
	flush()
	return b.String()
}

func filled(words []string, width int) string {
	var b strings.Builder
	used := 0
	for _, word := range words {
		n := table.Width(word)
		switch {
		case used > 0 && used+1+n > width:
			b.WriteByte('\n')
			used = 0
		case used > 0:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += n
	}
	if used > 0 {
		b.WriteByte('\n')
	}
	return b.String()
}

// writeUsage is cobra's usage text, shorter, wrapped to the screen and in the person's language.
func (c *CLI) writeUsage(cmd *cobra.Command) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", c.t("Bruk:", "Usage:"))
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s %s\n", cmd.CommandPath(), c.t("[kommando]", "[command]"))
	} else {
		fmt.Fprintf(&b, "  %s %s\n", strings.TrimSpace(strings.TrimSuffix(cmd.UseLine(), "[flags]")), c.t("[flagg]", "[flags]"))
	}
	if cmd.HasExample() {
		fmt.Fprintf(&b, "\n%s\n%s\n", c.t("Eksempler:", "Examples:"), cmd.Example)
	}
	c.listCommands(&b, c.t("Kommandoer:", "Commands:"), cmd, (*cobra.Command).IsAvailableCommand)
	c.listFlags(&b, c.t("Flagg:", "Flags:"), cmd.LocalFlags())
	c.listFlags(&b, c.t("Felles flagg:", "Global flags:"), cmd.InheritedFlags())
	c.listCommands(&b, c.t("Les også, med nattevakt help:", "Also to read, with nattevakt help:"), cmd, (*cobra.Command).IsAdditionalHelpTopicCommand)
	_, err := fmt.Fprint(cmd.OutOrStdout(), b.String())
	return err
}

func (c *CLI) listCommands(b *strings.Builder, title string, cmd *cobra.Command, which func(*cobra.Command) bool) {
	for _, sub := range cmd.Commands() {
		if !which(sub) {
			continue
		}
		if title != "" {
			fmt.Fprintf(b, "\n%s\n", title)
			title = ""
		}
		fmt.Fprintf(b, "  %-11s %s\n", sub.Name(), sub.Short)
	}
}

func (c *CLI) listFlags(b *strings.Builder, title string, flags *pflag.FlagSet) {
	if flags.HasAvailableFlags() {
		text := strings.ReplaceAll(flags.FlagUsagesWrapped(c.columns()), "(default", c.t("(ellers", "(default"))
		fmt.Fprintf(b, "\n%s\n%s", title, text)
	}
}

// newHelpCommand shows the help of another command.
func (c *CLI) newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   c.t("help [kommando]", "help [command]"),
		Short: c.t("vis hjelp om en kommando", "show help about a command"),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || found == nil || len(rest) > 0 {
				return c.usagef(c.t("det finnes ingen hjelp om «%s»", "there is no help about “%s”"), strings.Join(args, " "))
			}
			return found.Help()
		},
	}
}
