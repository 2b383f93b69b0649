package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nattevakt/nattevakt/agent/internal/agent"
	"github.com/nattevakt/nattevakt/agent/internal/service"
)

func newRun() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Kjør agenten i forgrunnen (run the agent in the foreground)",
		Long: "Melder maskinen inn om den ikke er det, og holder kontakt til den stoppes.\n" +
			"Enrols the machine if it is not, and keeps in touch until stopped.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(); err != nil {
				return err
			}
			return agent.Run(cmd.Context(), o.Options)
		},
	}
	o.register(cmd.Flags())
	return cmd
}

// newSvc is what the service manager starts.
func newSvc() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use: service.Argument, Short: "Startes av tjenestestyringen (started by the service manager)", Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := o.complete(); err != nil {
				return err
			}
			return service.Run(func(ctx context.Context) error { return agent.Run(ctx, o.Options) })
		},
	}
	o.register(cmd.Flags())
	return cmd
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Vis versjonen (show the version)", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), version)
			return err
		},
	}
}
