package control

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/server/internal/fleet"
	"github.com/nattevakt/nattevakt/server/internal/store"
	"github.com/nattevakt/nattevakt/server/internal/store/record"
)

// A token's secret reads nv1-<id>-<160 random bits>, in letters that survive a phone call.
const tokenPrefix = "nv1-"

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// MaxTokenLife is the longest life of a site token.
const MaxTokenLife = 30 * 24 * time.Hour

// CreateToken makes a token for a site; the secret is in this answer and nowhere else.
func (p *Plane) CreateToken(ctx context.Context, site id.Name, maxUses int, life time.Duration) (fleet.Token, string, error) {
	if _, err := p.places.site(site); err != nil {
		return fleet.Token{}, "", err
	}
	if maxUses < 1 || maxUses > 10_000 || life <= 0 || life > MaxTokenLife {
		return fleet.Token{}, "", fmt.Errorf("%w: a token opens 1–10000 times within 30 days", ErrInvalid)
	}
	random := make([]byte, 5+20)
	if _, err := rand.Read(random); err != nil {
		return fleet.Token{}, "", err
	}
	name := base32Lower.EncodeToString(random[:5])
	secret := tokenPrefix + name + "-" + base32Lower.EncodeToString(random[5:])
	sum := sha256.Sum256([]byte(secret))
	now := p.clock.Now()
	t := fleet.Token{ID: name, Site: site, SecretSHA256: sum[:], MaxUses: maxUses, CreatedAt: now, ExpiresAt: now.Add(life)}
	_, err := p.store.Commit(ctx, store.Batch{
		Checks: []store.Check{{Table: store.Tokens, Key: []byte(name)}},
		Ops:    []store.Op{store.Put(store.Tokens, []byte(name), record.EncodeToken(t))},
	})
	if err != nil {
		return fleet.Token{}, "", fmt.Errorf("store token: %w", err)
	}
	return t, secret, nil
}

// Tokens lists all tokens by id, the ended ones too.
func (p *Plane) Tokens(ctx context.Context) ([]fleet.Token, error) {
	var out []fleet.Token
	for rec, err := range p.store.Scan(ctx, store.Tokens, store.Range{}) {
		if err != nil {
			return nil, err
		}
		t, err := record.DecodeToken(rec.Value)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// RevokeToken ends a token at once. Machines that entered with it stay.
func (p *Plane) RevokeToken(ctx context.Context, name string) error {
	for range maxTries {
		t, rev, err := p.token(ctx, name)
		if err != nil {
			return err
		}
		t.Revoked = true
		_, err = p.store.Commit(ctx, store.Batch{
			Checks: []store.Check{{Table: store.Tokens, Key: []byte(name), Rev: rev}},
			Ops:    []store.Op{store.Put(store.Tokens, []byte(name), record.EncodeToken(t))},
		})
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("token %s: %w", name, store.ErrConflict)
}

func (p *Plane) token(ctx context.Context, name string) (fleet.Token, store.Rev, error) {
	if name == "" {
		return fleet.Token{}, 0, fmt.Errorf("token: %w", ErrNotFound)
	}
	rec, err := p.store.Get(ctx, store.Tokens, []byte(name))
	if errors.Is(err, store.ErrNotFound) {
		return fleet.Token{}, 0, fmt.Errorf("token %.20q: %w: see nattevakt token list", name, ErrNotFound)
	}
	if err != nil {
		return fleet.Token{}, 0, err
	}
	t, err := record.DecodeToken(rec.Value)
	return t, rec.Rev, err
}

// tokenOf finds the token that a secret belongs to; ErrNotFound for anything that is none.
func (p *Plane) tokenOf(ctx context.Context, secret string) (fleet.Token, store.Rev, error) {
	name, ok := TokenID(secret)
	if !ok {
		return fleet.Token{}, 0, fmt.Errorf("token: %w", ErrNotFound)
	}
	t, rev, err := p.token(ctx, name)
	if err != nil {
		return t, rev, err
	}
	sum := sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(sum[:], t.SecretSHA256) != 1 {
		return fleet.Token{}, 0, fmt.Errorf("token: %w", ErrNotFound)
	}
	return t, rev, nil
}

// TokenID gives the part of a token's secret that may be shown and logged.
func TokenID(secret string) (string, bool) {
	rest, ok := strings.CutPrefix(secret, tokenPrefix)
	if !ok {
		return "", false
	}
	name, key, ok := strings.Cut(rest, "-")
	if !ok || len(name) != 8 || len(key) != 32 {
		return "", false
	}
	if _, err := base32Lower.DecodeString(name + key); err != nil {
		return "", false
	}
	return name, true
}
