package operatorcli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/nattevakt/nattevakt/server/internal/operatorcli/table"
	"github.com/nattevakt/nattevakt/server/internal/store"
	"github.com/nattevakt/nattevakt/server/internal/store/bolt"
)

// restored is the answer of restore with --json.
type restored struct {
	Store  string         `json:"store"`
	Kept   string         `json:"kept"`
	Schema int            `json:"schema"`
	Rows   map[string]int `json:"rows"`
}

func newRestoreCommand(c *CLI) *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   c.t("restore FIL --data MAPPE", "restore FILE --data FOLDER"),
		Short: c.t("legg tilbake en sikkerhetskopi; kontrollplanet må være stanset", "put back a backup; the control plane must be stopped"),
		Long: c.t("Kontrollerer sikkerhetskopien og setter den i stedet for kontrollplanets lager, i ett steg. Det gamle lageret blir liggende ved siden av. Kjøres på tjeneren; et kontrollplan som kjører, hindrer det.\n\nDet som skjedde etter sikkerhetskopien, er glemt: maskiner som er sperret siden, må sperres igjen, og maskiner som er meldt inn siden, må meldes inn på nytt.",
			"Verifies the backup and puts it in the place of the control plane's store, in one step. The old store is kept beside it. Run it on the server; a control plane that runs prevents it.\n\nWhat happened after the backup is forgotten: devices revoked since must be revoked again, and devices enrolled since must be enrolled again."),
		Args: c.oneArg(c.t("en sikkerhetskopi", "a backup")),
		RunE: func(cmd *cobra.Command, args []string) error {
			to := filepath.Join(data, c.settings.StoreFile)
			if err := c.checkRestore(args[0], data); err != nil {
				return err
			}
			done, err := bolt.Restore(cmd.Context(), args[0], to)
			if err != nil {
				return c.notRestored(err)
			}
			return c.showPlain(restored{Store: to, Kept: done.Kept, Schema: done.Schema, Rows: rowsOf(done.Contents)}, func(w io.Writer) error {
				return c.writeRestored(w, to, done)
			})
		},
	}
	cmd.Flags().StringVar(&data, "data", "data", c.t("kontrollplanets `MAPPE`", "the control plane's `FOLDER`"))
	must(cmd.MarkFlagDirname("data"))
	return cmd
}

func (c *CLI) checkRestore(from, data string) error {
	for _, path := range []string{from, data} {
		_, err := os.Stat(path)
		if errors.Is(err, os.ErrNotExist) {
			return &fault{code: exitNotFound, what: fmt.Sprintf(c.t("%s finnes ikke", "there is no %s"), path), safe: c.t("Ingenting er endret.", "Nothing has been changed.")}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *CLI) notRestored(cause error) error {
	f := &fault{
		code: exitFailed, what: c.t("sikkerhetskopien er ikke lagt tilbake", "the backup has not been put back"), cause: cause, safe: c.t("Ingenting er endret.", "Nothing has been changed."),
		next: c.t("Kjører kontrollplanet, må det stanses først.", "If the control plane runs, it must be stopped first."),
	}
	if errors.Is(cause, store.ErrDamaged) {
		f.code = exitInput
		f.next = c.t("Sikkerhetskopien er skadet. Bruk en annen.", "The backup is damaged. Use another one.")
	}
	return f
}

func (c *CLI) writeRestored(w io.Writer, to string, done bolt.Restored) error {
	_, err := fmt.Fprintf(w, c.t("%s er lagt tilbake (skjema %d, %d rader).\n", "%s has been put back (schema %d, %d rows).\n"), table.Clean(to), done.Schema, sum(rowsOf(done.Contents)))
	if err != nil || done.Kept == "" {
		return err
	}
	_, err = fmt.Fprintf(w, c.t("Det gamle lageret ligger i %s.\n", "The old store is in %s.\n"), table.Clean(done.Kept))
	return err
}
