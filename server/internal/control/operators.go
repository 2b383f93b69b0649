package control

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/ca"
	"github.com/nattevakt/nattevakt/server/internal/store"
)

// operatorKey names an operator's certificate in Meta: its newest serial number. A name without one is
// nobody.
func operatorKey(name string) []byte { return []byte(operatorPrefix + name) }

const operatorPrefix = "operator/"

// HasOperators reports whether anyone was ever certified.
func (p *Plane) HasOperators(ctx context.Context) (bool, error) {
	for _, err := range p.store.Scan(ctx, store.Meta, store.Range{Prefix: []byte(operatorPrefix)}) {
		return err == nil, err
	}
	return false, nil
}

// CertifyOperator signs a certificate for a person; an earlier one of the same name ends with it.
func (p *Plane) CertifyOperator(ctx context.Context, name string, key crypto.PublicKey) ([][]byte, error) {
	if _, err := id.ParseName(name); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	chain, leaf, err := p.ca.Issue(ca.Subject{Role: ca.Operator, Name: name}, key, time.Now())
	if err != nil {
		return nil, err
	}
	_, err = p.store.Commit(ctx, store.Batch{Ops: []store.Op{store.Put(store.Meta, operatorKey(name), leaf.SerialNumber.Bytes())}})
	if err != nil {
		return nil, fmt.Errorf("store operator %s: %w", name, err)
	}
	return chain, nil
}

func (p *Plane) operatorAllowed(name string, serial []byte) error {
	rec, err := p.store.Get(context.Background(), store.Meta, operatorKey(name))
	if errors.Is(err, store.ErrNotFound) || (err == nil && string(rec.Value) != string(serial)) {
		return refuse(reason.IdentityRevoked)
	}
	return err
}
