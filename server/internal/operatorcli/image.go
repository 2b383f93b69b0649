package operatorcli

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nattevakt/nattevakt/images/keys"
	"github.com/nattevakt/nattevakt/images/release"
	"github.com/nattevakt/nattevakt/images/store"
	"github.com/nattevakt/nattevakt/server/internal/operatorcli/table"
	"github.com/nattevakt/nattevakt/server/internal/operatorfile"
)

// imagesDir is where releases are built, beside the operator file.
const imagesDir = "images"

func newImageCommand(c *CLI) *cobra.Command {
	return c.group("image", c.t("images og utgaver på denne maskinen, og nøkkelen som signerer dem", "images and releases on this machine, and the key that signs them"),
		newImageListCommand(c), newImageKeygenCommand(c))
}

// imageFolder is the one asked for, else the one beside the operator file.
func imageFolder(asked string, f operatorfile.File) string {
	if asked != "" {
		return asked
	}
	return filepath.Join(f.Folder(), imagesDir)
}

// localRelease is a release of the folder; it is what image list --json gives.
type localRelease struct {
	Image   string `json:"image"`
	Release string `json:"release"`
	Created string `json:"created"`
	Disk    int64  `json:"diskBytes"`
	Stored  int64  `json:"storedBytes"`
	// Signed tells whether the operator's own release key is among the signers.
	Signed bool `json:"signedByYou"`

	created string
}

func newImageListCommand(c *CLI) *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use:   "list",
		Short: c.t("vis utgavene som er bygd på denne maskinen", "show the releases built on this machine"),
		Args:  c.noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := c.loadOperator()
			if err != nil {
				return err
			}
			list, err := c.localReleases(cmd.Context(), imageFolder(folder, f), f)
			if err != nil {
				return err
			}
			answer := struct {
				Releases []localRelease `json:"releases"`
			}{list}
			return c.showPlain(answer, func(w io.Writer) error {
				return c.writeTable(w, c.releases(list), c.t("Ingen utgaver. «nattevakt push --disk» bygger den første.", "No releases. “nattevakt push --disk” builds the first."))
			})
		},
	}
	cmd.Flags().StringVar(&folder, "images", "", c.t("`MAPPE` med utgaver (ellers images ved siden av operatørfilen)", "`FOLDER` with releases (else images beside the operator file)"))
	must(cmd.MarkFlagDirname("images"))
	return cmd
}

func (c *CLI) localReleases(ctx context.Context, folder string, f operatorfile.File) (out []localRelease, err error) {
	s, err := store.Folder(folder)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	names, err := s.List(ctx, "")
	if err != nil {
		return nil, err
	}
	own := ownTrust(f)
	out = []localRelease{}
	for _, name := range names {
		parts := strings.Split(name, "/")
		if len(parts) != 3 || name != release.ManifestPath(parts[0], parts[1]) {
			continue
		}
		r, err := c.readRelease(ctx, s, name, own)
		if err != nil {
			c.note("nattevakt: %s: %v", name, err)
			continue
		}
		out = append(out, r)
	}
	return out, nil
}

// ownTrust accepts releases signed with the operator's own key; none where there is no such key here.
func ownTrust(f operatorfile.File) release.Trust {
	k, err := keys.LoadPrivate(f.ReleaseKeyPath())
	if err != nil {
		return release.Trust{}
	}
	return release.Trust{Keys: []ed25519.PublicKey{k.Public().(ed25519.PublicKey)}, Threshold: 1}
}

func (c *CLI) readRelease(ctx context.Context, s store.Store, name string, own release.Trust) (localRelease, error) {
	sealed, err := store.ReadAll(ctx, s, name, release.MaxEnvelope)
	if err != nil {
		return localRelease{}, err
	}
	m, err := release.Peek(sealed)
	if err != nil {
		return localRelease{}, err
	}
	_, untrusted := release.Verify(sealed, own)
	r := localRelease{
		Image: m.Image, Release: m.Release, Created: m.Created.Format("2006-01-02T15:04:05Z07:00"),
		Disk: m.DiskSize, Stored: m.Index.Size, Signed: untrusted == nil,
		created: c.speech(nil, c.host.Now()).stamp(m.Created),
	}
	for _, p := range m.Packs {
		r.Stored += p.Size
	}
	return r, nil
}

func (c *CLI) releases(list []localRelease) table.Table {
	s := c.speech(nil, c.host.Now())
	t := table.Table{Columns: []table.Column{
		{Title: "IMAGE", Weight: 9, Least: 8},
		{Title: c.t("UTGAVE", "RELEASE"), Weight: 9, Least: 8},
		{Title: c.t("LAGET", "CREATED"), Weight: 4},
		{Title: c.t("DISK", "DISK"), Weight: 3, Right: true},
		{Title: c.t("LAGRET", "STORED"), Weight: 5, Right: true},
		{Title: c.t("SIGNERT AV DEG", "SIGNED BY YOU"), Weight: 6},
	}}
	for _, r := range list {
		signed := table.Cell{Text: "✓ " + c.t("ja", "yes"), Style: table.Good}
		if !r.Signed {
			signed = table.Cell{Text: "✗ " + c.t("nei", "no"), Style: table.Warn}
		}
		t.Rows = append(t.Rows, []table.Cell{
			{Text: r.Image}, {Text: r.Release}, {Text: r.created}, {Text: s.bytes(uint64(r.Disk))}, {Text: s.bytes(uint64(r.Stored))}, signed,
		})
	}
	return t
}

func newImageKeygenCommand(c *CLI) *cobra.Command {
	return &cobra.Command{
		Use:   c.t("keygen FIL", "keygen FILE"),
		Short: c.t("lag en nøkkel som signerer utgaver", "make a key that signs releases"),
		Long: c.t("Lager en ed25519-nøkkel i FIL, som bare du kan lese, og den offentlige halvdelen i FIL.pub. Maskinene godtar utgaver signert med nøkkelen når den offentlige halvdelen står i trust.json i kontrollplanets datamappe.",
			"Makes an ed25519 key in FILE, readable by you only, and its public half in FILE.pub. Machines accept releases signed with it once the public half stands in trust.json in the control plane's data folder."),
		Args: c.oneArg(c.t("navnet på en ny fil", "the name of a new file")),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := errors.Join(c.free("keygen", args[0]), c.free("keygen", args[0]+".pub")); err != nil {
				return err
			}
			return c.keygen(args[0])
		},
	}
}

// newKey is the answer of image keygen with --json.
type newKey struct {
	File   string `json:"file"`
	KeyID  string `json:"keyId"`
	Public string `json:"public"`
}

func (c *CLI) keygen(path string) error {
	k, err := keys.Generate()
	if err != nil {
		return err
	}
	public := k.Public().(ed25519.PublicKey)
	if err := keys.SavePrivate(path, k); err != nil {
		return err
	}
	if err := keys.SavePublic(path+".pub", public); err != nil {
		return err
	}
	answer := newKey{path, release.KeyID(public), base64.StdEncoding.EncodeToString(public)}
	return c.showPlain(answer, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, c.t("Nøkkelen er lagt i %s.\nnøkkel-id   %s\nfor trust.json  %s\n", "The key is in %s.\nkey id   %s\nfor trust.json  %s\n"), table.Clean(path), answer.KeyID, answer.Public)
		return err
	})
}
