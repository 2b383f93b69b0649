package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/nattevakt/nattevakt/agent/internal/agent"
	"github.com/nattevakt/nattevakt/agent/internal/dial"
	"github.com/nattevakt/nattevakt/agent/internal/status"
	"github.com/nattevakt/nattevakt/proto/reason"
)

func newEnroll() *cobra.Command {
	var o options
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "enroll",
		Short: "Meld maskinen inn, eller gi den ny adresse (enrol the machine, or give it a new address)",
		Long: "Melder maskinen inn hos kontrollplanet i oppstartsfilen. En maskin som alt er innmeldt,\n" +
			"beholder identiteten og får bare adressene i filen.\n" +
			"Enrols the machine. One that is enrolled keeps its identity and takes only the file's addresses.\n\n" +
			fmt.Sprintf("Exit codes: 0 enrolled, 1 trouble, 2 usage, %d still waiting, %d refused.", status.Waiting, status.Refused),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(); err != nil {
				return err
			}
			return enrollNow(cmd, o, wait)
		},
	}
	o.register(cmd.Flags())
	cmd.Flags().DurationVar(&wait, "wait", 0, "hvor lenge det ventes, 0 for alltid (how long to wait, 0 for ever)")
	return cmd
}

func enrollNow(cmd *cobra.Command, o options, wait time.Duration) error {
	ctx := cmd.Context()
	if wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, wait)
		defer cancel()
	}
	var pending reason.Code
	o.OnPending = func(why reason.Code) {
		if why != pending {
			pending = why
			sayReason(cmd, "Venter (waiting)", why)
		}
	}
	if _, err := os.Stat(o.Bootstrap); o.Bootstrap != "" && err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	a, err := agent.Open(o.Options)
	if err != nil {
		return err
	}
	defer a.Close()
	if known := a.Enrolled(); known != nil {
		cmd.Printf("Allerede innmeldt som %s; adressene er oppdatert (already enrolled; addresses updated)\n", known.Device)
		return nil
	}
	if err := a.Enroll(ctx); err != nil {
		return enrollError(cmd, err)
	}
	cmd.Printf("Innmeldt som %s (enrolled)\n", a.Enrolled().Device)
	return nil
}

func enrollError(cmd *cobra.Command, err error) error {
	var refused *dial.Refused
	switch {
	case errors.As(err, &refused):
		sayReason(cmd, "Avvist (refused)", refused.Reason)
		return &exitError{status.Refused, err}
	case errors.Is(err, context.DeadlineExceeded):
		return &exitError{status.Waiting, errors.New("fortsatt ikke sluppet inn; prøv igjen senere (not let in yet; try again later)")}
	}
	return err
}

// sayReason gives a reason's sentence and next step, first for the school, then for the rest of the world.
func sayReason(cmd *cobra.Command, what string, why reason.Code) {
	cmd.Printf("%s: %s\n", what, why)
	for _, lang := range []string{"nb", "en"} {
		cmd.Printf("  %s %s\n", why.Sentence(lang), why.NextStep(lang))
	}
}
