package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/nattevakt/nattevakt/server/internal/auth"
)

func newLoginCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Innlogging til sidene / the login to the pages",
	}
	cmd.AddCommand(newLoginResetCommand())
	return cmd
}

// newLoginResetCommand is for who lost the token, or fears that others have it.
func newLoginResetCommand() *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "reset",
		Short: "Lag nytt administratorkode / make a new administrator token; all sessions end",
		Long: `Makes a new administrator token for the pages and shows it once. All sessions end at once, in a running
control plane too. Run it where the data folder is.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			token, err := auth.Reset(filepath.Join(data, webDir))
			if err != nil {
				return fmt.Errorf("reset login: %w", err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "innlogging / login: %s\n(vises bare nå / shown only now)\n", token)
			return err
		},
	}
	cmd.Flags().StringVar(&data, "data", "data", "the control plane's data folder")
	return cmd
}
