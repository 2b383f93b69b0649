package operatorcli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	"github.com/nattevakt/nattevakt/server/internal/operatorcli/table"
)

// maxDelivery is the largest list that the control plane takes (ImportDeliveryRequest.content).
const maxDelivery = 16 << 20

func newDeliveryCommand(c *CLI) *cobra.Command {
	return c.group("delivery", c.t("leveringslister fra leverandører", "delivery lists from suppliers"), newDeliveryImportCommand(c))
}

func newDeliveryImportCommand(c *CLI) *cobra.Command {
	in := &operatorv1.ImportDeliveryRequest{}
	cmd := &cobra.Command{
		Use:   c.t("import FIL", "import FILE"),
		Short: c.t("les inn en leveringsliste (CSV eller XLSX)", "read in a delivery list (CSV or XLSX)"),
		Long: c.t("Leser inn en leveringsliste. En liste med feil blir avvist som helhet, og hver feil blir vist med rad og kolonne; sluttkoden er da 6. Med --dry-run blir ingenting endret.",
			"Reads in a delivery list. A list with problems is refused whole, and every problem is shown with row and column; the exit code is then 6. With --dry-run nothing is changed."),
		Example: `  nattevakt delivery import levering.xlsx --owner nordvik --dry-run`,
		Args:    c.oneArg(c.t("en fil", "a file")),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if in.Content, err = c.readDelivery(args[0]); err != nil {
				return err
			}
			in.FileName = filepath.Base(args[0])
			return c.with(cmd.Context(), func(k *client) error { return c.importDelivery(cmd.Context(), k, in) })
		},
	}
	fs := cmd.Flags()
	fs.BoolVar(&in.DryRun, "dry-run", false, c.t("vis hva som ville skje, og endre ingenting", "show what would happen, and change nothing"))
	fs.StringVar(&in.OwnerId, "owner", "", c.t("`EIER` for rader som ikke nevner noen", "`OWNER` for rows that name none"))
	fs.StringVar(&in.SiteId, "site", "", c.t("`SKOLE` for rader som ikke nevner noen", "`SITE` for rows that name none"))
	c.completeFlag(cmd, "owner", ownerNames)
	c.completeFlag(cmd, "site", siteNames)
	return cmd
}

func (c *CLI) readDelivery(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &fault{code: exitNotFound, what: fmt.Sprintf(c.t("filen %s finnes ikke", "there is no file %s"), path)}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxDelivery+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if len(b) > maxDelivery {
		return nil, &fault{
			code: exitInput,
			what: fmt.Sprintf(c.t("%s er større enn %d MiB", "%s is larger than %d MiB"), path, maxDelivery>>20),
			next: c.t("Del listen i flere filer.", "Split the list into several files."),
		}
	}
	return b, nil
}

func (c *CLI) importDelivery(ctx context.Context, k *client, in *operatorv1.ImportDeliveryRequest) error {
	resp, err := k.fleet.ImportDelivery(ctx, in)
	if err != nil {
		return err
	}
	if err := c.show(resp, func(w io.Writer) error { return c.writeImport(w, in, resp) }); err != nil {
		return err
	}
	if len(resp.GetProblems()) > 0 {
		return errQuiet{exitInput}
	}
	return nil
}

func (c *CLI) writeImport(w io.Writer, in *operatorv1.ImportDeliveryRequest, resp *operatorv1.ImportDeliveryResponse) error {
	if len(resp.GetProblems()) > 0 {
		return c.writeProblems(w, in, resp)
	}
	text := c.t("%s: %d rader; %d nye, %d endret, %d som før.", "%s: %d rows; %d new, %d changed, %d as before.")
	if in.GetDryRun() {
		text = c.t("%s: %d rader uten feil; %d ville bli nye, %d endret, %d som før. Ingenting er endret.", "%s: %d rows without problems; %d would be new, %d changed, %d as before. Nothing has been changed.")
	}
	_, err := fmt.Fprintf(w, text+"\n", table.Clean(in.GetFileName()), resp.GetRows(), resp.GetAdded(), resp.GetChanged(), resp.GetUnchanged())
	return err
}

func (c *CLI) writeProblems(w io.Writer, in *operatorv1.ImportDeliveryRequest, resp *operatorv1.ImportDeliveryResponse) error {
	t := table.Table{Columns: []table.Column{
		{Title: c.t("RAD", "ROW"), Weight: 9, Right: true},
		{Title: c.t("KOLONNE", "COLUMN"), Weight: 7, Least: 8},
		{Title: c.t("VERDI", "VALUE"), Weight: 5, Least: 8},
		{Title: c.t("FEIL", "PROBLEM"), Weight: 8, Least: 24},
	}}
	for _, p := range resp.GetProblems() {
		t.Rows = append(t.Rows, []table.Cell{
			{Text: strconv.FormatUint(uint64(p.GetRow()), 10)}, {Text: p.GetColumn()}, {Text: p.GetValue(), Style: table.Dim}, {Text: p.GetProblem(), Style: table.Bad},
		})
	}
	if err := t.Write(w, c.columns(), c.paint()); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, c.t("\n%s: %s i %d rader. Ingenting er endret. Rett dem i filen, og les den inn på nytt.\n", "\n%s: %s in %d rows. Nothing has been changed. Correct them in the file and import it again.\n"),
		table.Clean(in.GetFileName()), many(len(resp.GetProblems()), c.t("feil", "problem"), c.t("feil", "problems")), resp.GetRows())
	return err
}
