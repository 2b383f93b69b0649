package operatorcli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/nattevakt/nattevakt/proto/id"
	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
)

// completeTime is how long a person waits for a TAB.
const completeTime = 2 * time.Second

// names gives what may be typed, out of an overview, with a tab and a description after each.
type names func(*operatorv1.GetOverviewResponse) []string

func ownerNames(o *operatorv1.GetOverviewResponse) (out []string) {
	for _, owner := range o.GetOwners() {
		out = append(out, described(owner.GetOwner().GetId(), owner.GetOwner().GetName()))
	}
	return out
}

func siteNames(o *operatorv1.GetOverviewResponse) (out []string) {
	for _, owner := range o.GetOwners() {
		for _, s := range owner.GetSites() {
			out = append(out, described(s.GetSite().GetId(), s.GetSite().GetName()))
		}
	}
	return out
}

func cabinetNames(o *operatorv1.GetOverviewResponse) (out []string) {
	for _, owner := range o.GetOwners() {
		for _, s := range owner.GetSites() {
			for _, cab := range s.GetCabinets() {
				out = append(out, described(cab.GetCabinet().GetId(), cab.GetCabinet().GetName()))
			}
		}
	}
	return out
}

func described(id, name string) string {
	if name == "" || name == id {
		return id
	}
	return id + "\t" + name
}

// completeFlag offers names for a flag. A control plane that does not answer offers none, silently: an
// error in the middle of typing helps nobody.
func (c *CLI) completeFlag(cmd *cobra.Command, flag string, list names) {
	must(cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return c.ask(cmd, list), cobra.ShellCompDirectiveNoFileComp
	}))
}

// completeArg offers names for the first argument.
func (c *CLI) completeArg(list names) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return c.ask(cmd, list), cobra.ShellCompDirectiveNoFileComp
	}
}

func (c *CLI) ask(cmd *cobra.Command, list names) (out []string) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completeTime)
	defer cancel()
	_ = c.with(ctx, func(k *client) error {
		o, err := k.fleet.GetOverview(ctx, &operatorv1.GetOverviewRequest{})
		out = list(o)
		return err
	})
	return out
}

// completeDevice offers host names and serial numbers that begin or go on with what is typed.
func (c *CLI) completeDevice(cmd *cobra.Command, args []string, typed string) (out []string, _ cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completeTime)
	defer cancel()
	_ = c.with(ctx, func(k *client) error {
		resp, err := k.fleet.ListDevices(ctx, &operatorv1.ListDevicesRequest{Query: typed, PageSize: 50})
		for _, d := range resp.GetDevices() {
			out = append(out, described(nameOf(d), id.ModelName(d.GetHardware().GetVendor(), d.GetHardware().GetProduct())))
		}
		return err
	})
	return out, cobra.ShellCompDirectiveNoFileComp
}

func newCompletionCommand(c *CLI) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: c.t("lag fullføring for skallet", "make completion for the shell"),
		Long: c.t("Skriver et skript som lar skallet fullføre kommandoer, flagg og navn på skoler, ladeskap og maskiner.",
			"Writes a script that lets the shell complete commands, flags and the names of sites, cabinets and devices."),
		Example:   "  source <(nattevakt completion bash)",
		ValidArgs: shells,
		Args:      c.oneArg(c.t("et skall (bash, zsh, fish eller powershell)", "a shell (bash, zsh, fish or powershell)")),
		RunE: func(cmd *cobra.Command, args []string) error {
			root, w := cmd.Root(), c.host.Stdout
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(w, true)
			case "zsh":
				return root.GenZshCompletion(w)
			case "fish":
				return root.GenFishCompletion(w, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(w)
			}
			return c.usagef(c.t("skallet «%s» er ikke blant %v", "the shell “%s” is not among %v"), args[0], shells)
		},
	}
}
