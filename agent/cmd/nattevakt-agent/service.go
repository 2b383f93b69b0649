package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/nattevakt/nattevakt/agent/internal/service"
)

func newService() *cobra.Command {
	cmd := &cobra.Command{Use: "service", Short: "Installer og styr tjenesten (install and control the service)"}
	shorts := map[string]string{
		"install":   "Installer tjenesten med flaggene som er gitt (install the service with these flags)",
		"uninstall": "Fjern tjenesten; agentens filer blir liggende (remove the service; the agent's files stay)",
		"start":     "Start tjenesten (start the service)",
		"stop":      "Stopp tjenesten (stop the service)",
	}
	for _, action := range service.Actions() {
		cmd.AddCommand(newServiceAction(action, shorts[action]))
	}
	return cmd
}

func newServiceAction(action, short string) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use: action, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(); err != nil {
				return err
			}
			warnings, err := service.Control(action, given(cmd.Flags()))
			for _, w := range warnings {
				fmt.Fprintln(cmd.ErrOrStderr(), "advarsel (warning):", w)
			}
			return err
		},
	}
	if action == "install" {
		o.register(cmd.Flags())
	} else {
		o.register(pflag.NewFlagSet(action, pflag.ContinueOnError)) // defaults only
	}
	return cmd
}

// given are the flags that were set, as the service is to be started with. The site token is not among
// them: a command line is no place for a secret, and the bootstrap file carries it.
func given(flags *pflag.FlagSet) []string {
	var args []string
	flags.Visit(func(f *pflag.Flag) {
		if f.Name != "token" {
			args = append(args, "--"+f.Name+"="+f.Value.String())
		}
	})
	return args
}
