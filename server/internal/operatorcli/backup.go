package operatorcli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"github.com/nattevakt/nattevakt/images/durable"
	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	"github.com/nattevakt/nattevakt/server/internal/operatorcli/table"
	"github.com/nattevakt/nattevakt/server/internal/store/bolt"
)

func newBackupCommand(c *CLI) *cobra.Command {
	return &cobra.Command{
		Use:   c.t("backup FIL", "backup FILE"),
		Short: c.t("ta sikkerhetskopi av kontrollplanets data mens det kjører", "back up the control plane's data while it runs"),
		Long: c.t("Henter en hel kopi av kontrollplanets lager og leser gjennom den. FIL finnes først når kopien er hel, kontrollert og trygt på disk. Sertifikatautoriteten (DATA/ca) er ikke med: ta vare på den for seg.",
			"Fetches a whole copy of the control plane's store and reads it through. FILE appears only when the copy is whole, verified and safely on disk. The certificate authority (DATA/ca) is not in it: keep that apart."),
		Args: c.oneArg(c.t("navnet på en ny fil", "the name of a new file")),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.free("backup", args[0]); err != nil {
				return err
			}
			return c.with(cmd.Context(), func(k *client) error { return c.backup(cmd.Context(), k, args[0]) })
		},
	}
}

// backedUp is the answer of backup with --json.
type backedUp struct {
	File   string         `json:"file"`
	Bytes  int64          `json:"bytes"`
	Schema int            `json:"schema"`
	Rows   map[string]int `json:"rows"`
}

func (c *CLI) backup(ctx context.Context, k *client, path string) (err error) {
	dir, base := filepath.Split(path)
	tmp, err := os.CreateTemp(filepath.Clean(dir), "."+base+".*.tmp")
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer os.Remove(tmp.Name()) // gone already under this name if all went well
	size, err := c.download(ctx, k, tmp)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	found, err := bolt.Verify(ctx, tmp.Name())
	if err != nil {
		return &fault{
			code: exitFailed, what: c.t("kopien kom fram, men er ikke hel", "the copy arrived but is not whole"), cause: err,
			safe: c.t("Ingen fil er laget.", "No file has been made."),
			next: c.t("Kjør kommandoen en gang til. Skjer det igjen, er lageret på tjeneren skadet.", "Run the command again. If it happens again, the store on the server is damaged."),
		}
	}
	if err := os.Link(tmp.Name(), path); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	if err := durable.SyncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return c.reportBackup(path, size, found)
}

func (c *CLI) reportBackup(path string, size int64, found bolt.Contents) error {
	answer := backedUp{File: path, Bytes: size, Schema: found.Schema, Rows: rowsOf(found)}
	return c.showPlain(answer, func(w io.Writer) error {
		s := c.speech(nil, c.host.Now())
		_, err := fmt.Fprintf(w, c.t("%s: %s, kontrollert (skjema %d, %d rader).\n", "%s: %s, verified (schema %d, %d rows).\n"),
			table.Clean(path), s.bytes(uint64(size)), found.Schema, sum(answer.Rows))
		return err
	})
}

func rowsOf(found bolt.Contents) map[string]int {
	rows := make(map[string]int, len(found.Rows))
	for t, n := range found.Rows {
		rows[string(t)] = n
	}
	return rows
}

func sum(rows map[string]int) (n int) {
	for _, r := range rows {
		n += r
	}
	return n
}

// download writes the stream to w and gives its length, which must be the announced one.
func (c *CLI) download(ctx context.Context, k *client, w io.Writer) (int64, error) {
	stream, err := k.maintenance.Backup(ctx, &operatorv1.BackupRequest{})
	if err != nil {
		return 0, err
	}
	first, err := stream.Recv()
	if err != nil {
		return 0, err
	}
	total := int64(first.GetTotalBytes())
	progress := c.bar(c.t("henter", "fetching"), total)
	defer progress.end()
	n, err := receive(stream, io.MultiWriter(w, progress))
	if err == nil && n != total {
		err = fmt.Errorf("backup: %d bytes of %d came", n, total)
	}
	return n, err
}

func receive(stream grpc.ServerStreamingClient[operatorv1.BackupResponse], w io.Writer) (n int64, err error) {
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		wrote, err := w.Write(m.GetData())
		n += int64(wrote)
		if err != nil {
			return n, fmt.Errorf("backup: %w", err)
		}
	}
}
