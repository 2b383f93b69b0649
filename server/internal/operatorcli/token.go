package operatorcli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/nattevakt/nattevakt/images/durable"
	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	"github.com/nattevakt/nattevakt/server/internal/operatorcli/table"
)

func newTokenCommand(c *CLI) *cobra.Command {
	return c.group("token", c.t("innmeldingskoder for nye maskiner", "site tokens for new machines"),
		newTokenCreateCommand(c), newTokenListCommand(c), newTokenRevokeCommand(c))
}

// tokenFlags are those of token create.
type tokenFlags struct {
	site string
	uses uint32
	life time.Duration
	out  string
}

func newTokenCreateCommand(c *CLI) *cobra.Command {
	var f tokenFlags
	cmd := &cobra.Command{
		Use:   "create",
		Short: c.t("lag en innmeldingskode for en skole", "create a token for a site"),
		Long: c.t("Lager en innmeldingskode. Den vises bare denne ene gangen; med --out blir den lagt i en oppstartsfil som nattevakt-agent enroll leser.",
			"Creates a token. It is shown this once only; with --out it goes into a bootstrap file that nattevakt-agent enroll reads."),
		Example: `  nattevakt token create --site nordvik-skole --uses 30 --life 24h --out nordvik.json`,
		Args:    c.noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(c.need("site", f.site), c.free("out", f.out)); err != nil {
				return err
			}
			return c.with(cmd.Context(), func(k *client) error { return c.createToken(cmd.Context(), k, f) })
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.site, "site", "", c.t("`SKOLE` (påkrevd)", "`SITE` (required)"))
	fs.Uint32Var(&f.uses, "uses", 1, c.t("`ANTALL` maskiner koden slipper inn", "`NUMBER` of machines the token lets in"))
	fs.DurationVar(&f.life, "life", 24*time.Hour, c.t("hvor `LENGE` koden gjelder, høyst 720h", "how `LONG` the token is valid, at most 720h"))
	fs.StringVar(&f.out, "out", "", c.t("legg oppstartsfilen i `FIL`, som bare du kan lese", "put the bootstrap file in `FILE`, readable by you only"))
	c.completeFlag(cmd, "site", siteNames)
	return cmd
}

// free refuses the name of a file that is there: nothing is replaced by accident.
func (c *CLI) free(flag, path string) error {
	if path == "" {
		return nil
	}
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return &fault{
		code: exitConflict,
		what: fmt.Sprintf(c.t("%s %s finnes fra før", "%s %s is there already"), flag, path),
		safe: c.t("Ingenting er endret.", "Nothing has been changed."),
		next: c.t("Velg et annet navn, eller flytt den gamle filen.", "Choose another name, or move the old file away."),
	}
}

func (c *CLI) createToken(ctx context.Context, k *client, f tokenFlags) error {
	resp, err := k.tokens.CreateToken(ctx, &operatorv1.CreateTokenRequest{SiteId: f.site, MaxUses: f.uses, Life: durationpb.New(f.life)})
	if err != nil {
		return err
	}
	s := c.speech(nil, c.host.Now())
	if f.out == "" {
		return c.done(resp, "%s", resp.GetSecret())
	}
	if err := durable.WriteFile(f.out, resp.GetBootstrap(), 0o600); err != nil {
		return c.unwritten(ctx, k, resp.GetToken().GetId(), err)
	}
	// The secret is in the file; it does not go to a terminal or a log as well.
	resp.Secret, resp.Bootstrap = "", nil
	return c.done(resp, c.t("Oppstartsfilen er lagt i %s. Koden slipper inn %s og gjelder til %s.", "The bootstrap file is in %s. The token lets in %s and is valid until %s."),
		f.out, many(resp.GetToken().GetMaxUses(), c.t("maskin", "machine"), c.t("maskiner", "machines")), s.near(timeOf(resp.GetToken().GetExpiresAt())))
}

// unwritten ends a token that nobody could be given.
func (c *CLI) unwritten(ctx context.Context, k *client, id string, cause error) error {
	f := &fault{code: exitFailed, what: c.t("oppstartsfilen kunne ikke skrives", "the bootstrap file could not be written"), cause: cause}
	if _, err := k.tokens.RevokeToken(ctx, &operatorv1.RevokeTokenRequest{Id: id}); err != nil {
		f.next = fmt.Sprintf(c.t("Koden gjelder fortsatt. Trekk den tilbake med «nattevakt token revoke %s».", "The token is still valid. Revoke it with “nattevakt token revoke %s”."), id)
		return f
	}
	f.safe = c.t("Koden er trukket tilbake igjen.", "The token has been revoked again.")
	return f
}

func newTokenListCommand(c *CLI) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: c.t("vis innmeldingskodene", "show the tokens"),
		Args:  c.noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd.Context(), func(k *client) error {
				resp, err := k.tokens.ListTokens(cmd.Context(), &operatorv1.ListTokensRequest{})
				if err != nil {
					return err
				}
				return c.show(resp, func(w io.Writer) error {
					return c.writeTable(w, c.tokens(resp.GetTokens()), c.t("Ingen innmeldingskoder.", "No tokens."))
				})
			})
		},
	}
}

func (c *CLI) tokens(tokens []*operatorv1.Token) table.Table {
	s := c.speech(nil, c.host.Now())
	t := table.Table{Columns: []table.Column{
		{Title: "ID", Weight: 9},
		{Title: c.t("SKOLE", "SITE"), Weight: 6, Least: 8},
		{Title: c.t("TILSTAND", "STATE"), Weight: 8},
		{Title: c.t("BRUKT", "USED"), Weight: 7, Right: true},
		{Title: c.t("GÅR UT", "EXPIRES"), Weight: 5},
		{Title: c.t("LAGET", "CREATED"), Weight: 1},
	}}
	for _, k := range tokens {
		t.Rows = append(t.Rows, []table.Cell{
			{Text: k.GetId()}, {Text: k.GetSiteId()}, s.tokenLook(k).cell(), {Text: fmt.Sprintf("%d/%d", k.GetUses(), k.GetMaxUses())},
			{Text: s.ago(timeOf(k.GetExpiresAt()))}, {Text: s.stamp(timeOf(k.GetCreatedAt())), Style: table.Dim},
		})
	}
	return t
}

func (s speech) tokenLook(k *operatorv1.Token) look {
	switch {
	case k.GetRevoked():
		return look{"✗", s.t("trukket tilbake", "revoked"), table.Bad}
	case !s.now.Before(timeOf(k.GetExpiresAt())):
		return look{"–", s.t("utløpt", "expired"), table.Dim}
	case k.GetUses() >= k.GetMaxUses():
		return look{"–", s.t("brukt opp", "used up"), table.Dim}
	}
	return look{"✓", s.t("gyldig", "valid"), table.Good}
}

func newTokenRevokeCommand(c *CLI) *cobra.Command {
	return &cobra.Command{
		Use:               "revoke ID",
		Short:             c.t("trekk tilbake en innmeldingskode", "revoke a token"),
		Args:              c.oneArg(c.t("en kodes ID (se token list)", "a token's ID (see token list)")),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.with(cmd.Context(), func(k *client) error {
				resp, err := k.tokens.RevokeToken(cmd.Context(), &operatorv1.RevokeTokenRequest{Id: args[0]})
				if err != nil {
					return err
				}
				return c.done(resp, c.t("Koden %s er trukket tilbake. Maskiner som alt er inne, er det fortsatt.", "Token %s has been revoked. Machines that are in already stay in."), args[0])
			})
		},
	}
}
