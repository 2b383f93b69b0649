package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/nattevakt/nattevakt/images/keys"
	"github.com/nattevakt/nattevakt/server/internal/operatorfile"
)

const (
	firstOperatorName = "admin"
	releaseKeyFile    = "release.key"
)

// firstRelease makes the key that signs releases, if machines have been told of none yet. The private
// half goes to the operator's folder: the control plane never reads it again.
func (h *house) firstRelease(r *releases) error {
	if len(r.trust.Keys) == 0 {
		path := filepath.Join(h.dir, operatorDir, releaseKeyFile)
		key, err := keys.LoadPrivate(path)
		if errors.Is(err, fs.ErrNotExist) {
			if key, err = keys.Generate(); err == nil {
				err = keys.SavePrivate(path, key)
			}
		}
		if err != nil {
			return fmt.Errorf("first release key: %w", err)
		}
		if err := r.setTrust(key.Public().(ed25519.PublicKey)); err != nil {
			return fmt.Errorf("first release key: %w", err)
		}
	}
	for _, k := range r.trust.Keys {
		h.info.ReleaseKeys = append(h.info.ReleaseKeys, k)
	}
	h.info.ReleaseThreshold = r.trust.Threshold
	return nil
}

// writeOperator makes the credentials of an operator who was asked for by name, or of the first one ever.
// A file that lies there already only learns this start's addresses.
func (h *house) writeOperator(ctx context.Context, name string) error {
	path := filepath.Join(h.dir, operatorDir, operatorFile)
	if name == "" {
		known, err := h.plane.HasOperators(ctx)
		if err != nil {
			return err
		}
		if known {
			return h.readdress(path)
		}
		name = firstOperatorName
	} else {
		path = filepath.Join(h.dir, operatorDir, name+".json")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	chain, err := h.plane.CertifyOperator(ctx, name, key.Public())
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return operatorfile.Save(path, operatorfile.File{
		Name: name, Servers: h.info.AgentAddresses, Content: []string{h.info.ContentAddress},
		CA: pemOf("CERTIFICATE", h.ca.Root().Raw), Certificate: pemOf("CERTIFICATE", chain...), Key: pemOf("PRIVATE KEY", der),
		ReleaseKey: releaseKeyFile,
	})
}

func (h *house) readdress(path string) error {
	f, err := operatorfile.Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // moved to its owner's machine, as it should be
	}
	if err != nil {
		return err
	}
	if slices.Equal(f.Servers, h.info.AgentAddresses) && slices.Equal(f.Content, []string{h.info.ContentAddress}) {
		return nil
	}
	f.Servers, f.Content = h.info.AgentAddresses, []string{h.info.ContentAddress}
	return operatorfile.Save(path, f)
}

func pemOf(kind string, ders ...[]byte) string {
	var out []byte
	for _, der := range ders {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})...)
	}
	return string(out)
}
