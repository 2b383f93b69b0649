package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/nattevakt/nattevakt/images/durable"
	"github.com/nattevakt/nattevakt/images/release"
	imagestore "github.com/nattevakt/nattevakt/images/store"
	"github.com/nattevakt/nattevakt/server/internal/control"
)

// trustFile names the public keys whose signatures make a release. The private keys are not the control
// plane's business.
const trustFile = "trust.json"

// releases finds published releases in the content folder.
type releases struct {
	store *imagestore.FolderStore
	path  string
	trust release.Trust
}

func openReleases(content, trustPath string) (*releases, error) {
	s, err := imagestore.Folder(content)
	if err != nil {
		return nil, err
	}
	r := &releases{store: s, path: trustPath}
	if r.trust, err = readTrust(trustPath); err != nil {
		return nil, err
	}
	return r, nil
}

type trustJSON struct {
	Keys      []string `json:"keys"`
	Threshold int      `json:"threshold"`
}

// readTrust gives no keys where there is no file yet.
func readTrust(path string) (release.Trust, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return release.Trust{}, nil
	}
	if err != nil {
		return release.Trust{}, err
	}
	var in trustJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return release.Trust{}, fmt.Errorf("%s: %w", path, err)
	}
	t := release.Trust{Threshold: in.Threshold}
	for _, k := range in.Keys {
		key, err := base64.StdEncoding.DecodeString(k)
		if err != nil || len(key) != ed25519.PublicKeySize {
			return release.Trust{}, fmt.Errorf("%s: key %.20q is not an ed25519 public key in base64", path, k)
		}
		t.Keys = append(t.Keys, key)
	}
	if t.Threshold < 1 || t.Threshold > len(t.Keys) {
		return release.Trust{}, fmt.Errorf("%s: threshold %d of %d keys can never be met", path, t.Threshold, len(t.Keys))
	}
	return t, nil
}

// setTrust begins with one key; adding more is an edit of the file and a restart.
func (r *releases) setTrust(key ed25519.PublicKey) error {
	t := release.Trust{Keys: []ed25519.PublicKey{key}, Threshold: 1}
	b, err := json.MarshalIndent(trustJSON{Keys: []string{base64.StdEncoding.EncodeToString(key)}, Threshold: 1}, "", "  ")
	if err != nil {
		return err
	}
	if err := durable.WriteFile(r.path, b, 0o644); err != nil {
		return err
	}
	r.trust = t
	return nil
}

// Release implements control.Releases: what devices would refuse is refused here first.
func (r *releases) Release(ctx context.Context, image, name string) ([]byte, int64, error) {
	if err := errors.Join(release.CheckName(image), release.CheckName(name)); err != nil {
		return nil, 0, fmt.Errorf("%w: %w", control.ErrInvalid, err)
	}
	sealed, err := imagestore.ReadAll(ctx, r.store, release.ManifestPath(image, name), release.MaxEnvelope)
	if errors.Is(err, imagestore.ErrNotFound) {
		return nil, 0, fmt.Errorf("release %s of image %s: %w: publish it with nattevakt push --disk", name, image, control.ErrNotFound)
	}
	if err != nil {
		return nil, 0, err
	}
	m, err := release.Verify(sealed, r.trust)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: release %s of image %s: %w: sign it with a key of %s", control.ErrInvalid, name, image, err, trustFile)
	}
	if m.Image != image || m.Release != name {
		return nil, 0, fmt.Errorf("%w: the manifest at %s/%s is of %s/%s", control.ErrInvalid, image, name, m.Image, m.Release)
	}
	digest := release.Digest(sealed)
	return digest[:], m.DiskSize, nil
}
