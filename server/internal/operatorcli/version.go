package operatorcli

import (
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"
)

// versionAnswer is the answer of version with --json.
type versionAnswer struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	System  string `json:"system"`
}

func newVersionCommand(c *CLI) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: c.t("vis utgaven av programmet", "show the version of the program"),
		Args:  c.noArgs,
		RunE: func(*cobra.Command, []string) error {
			v := versionAnswer{c.settings.Version, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
			return c.showPlain(v, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "nattevakt %s (%s, %s)\n", v.Version, v.Go, v.System)
				return err
			})
		},
	}
}
