package operatorcli

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/nattevakt/nattevakt/images/build"
	"github.com/nattevakt/nattevakt/images/keys"
	"github.com/nattevakt/nattevakt/images/release"
	"github.com/nattevakt/nattevakt/images/store"
	"github.com/nattevakt/nattevakt/server/internal/operatorcli/publish"
	"github.com/nattevakt/nattevakt/server/internal/operatorfile"
)

// bring sees to it that the release lies where the machines fetch it. A release that was built here before
// is sent too, if any of it is missing there; one that is unknown here is the control plane's to find.
func (c *CLI) bring(ctx context.Context, k *client, f *pushFlags) (err error) {
	local, err := store.Folder(imageFolder(f.images, k.operator))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, local.Close()) }()
	if f.builds() {
		if err := c.build(ctx, k.operator, local, f); err != nil {
			return err
		}
	}
	_, err = local.Stat(ctx, release.ManifestPath(f.order.Image, f.order.Release))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return c.publish(ctx, k.operator, local, f.order.Image, f.order.Release)
}

// build makes the release out of the disk, in the local store.
func (c *CLI) build(ctx context.Context, f operatorfile.File, local *store.FolderStore, o *pushFlags) error {
	key, err := c.releaseKey(f)
	if err != nil {
		return err
	}
	now := c.host.Now()
	if o.order.Release == "" {
		o.order.Release = now.In(c.host.Zone).Format("2006-01-02-1504")
	}
	if o.makeDisk {
		dir, err := os.MkdirTemp(f.Folder(), ".disk-*")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if o.disk, err = c.makeDisk(ctx, filepath.Join(dir, "disk.img")); err != nil {
			return err
		}
	}
	disk, size, err := c.openDisk(o.disk)
	if err != nil {
		return err
	}
	defer disk.Close()
	progress := c.bar(c.t("bygger", "building"), size)
	defer progress.end()
	r, err := build.Build(ctx, build.Options{
		Source: disk, Size: size, Image: o.order.Image, Release: o.order.Release, Created: now,
		Keys: []ed25519.PrivateKey{key}, Store: local, Progress: progress.set,
	})
	if errors.Is(err, build.ErrExists) {
		return &fault{
			code: exitConflict, what: fmt.Sprintf(c.t("utgaven %s av %s er bygd fra før", "release %s of %s has been built already"), o.order.Release, o.order.Image),
			safe: c.t("Ingenting er endret.", "Nothing has been changed."),
			next: c.t("Velg et annet navn med --release, eller bestill den som finnes ved å utelate --disk.", "Choose another name with --release, or order the one that exists by leaving out --disk."),
		}
	}
	if err != nil {
		return err
	}
	s := c.speech(nil, now)
	c.note(c.t("nattevakt: %s %s er bygd: disk på %s, %s nytt innhold", "nattevakt: %s %s has been built: a disk of %s, %s new content"),
		o.order.Image, o.order.Release, s.bytes(uint64(size)), s.bytes(uint64(r.Stats.Stored)))
	return nil
}

func (c *CLI) releaseKey(f operatorfile.File) (ed25519.PrivateKey, error) {
	path := f.ReleaseKeyPath()
	k, err := keys.LoadPrivate(path)
	if err == nil {
		return k, nil
	}
	x := &fault{code: exitRefused, what: c.t("nøkkelen som signerer utgaver, kan ikke brukes", "the key that signs releases cannot be used"), cause: err}
	if path == "" || errors.Is(err, fs.ErrNotExist) {
		x.next = c.t("Legg nøkkelen ved siden av operatørfilen og skriv navnet i «release_key» der, eller lag en ny med «nattevakt image keygen».",
			"Put the key beside the operator file and its name in “release_key” there, or make a new one with “nattevakt image keygen”.")
	}
	return nil, x
}

func (c *CLI) makeDisk(ctx context.Context, path string) (string, error) {
	c.note("nattevakt: %s", c.t("lager et diskbilde …", "making a disk image …"))
	path, what, err := build.MakeDisk(ctx, build.DiskOptions{Path: path})
	if err == nil {
		c.note("nattevakt: %s", what)
	}
	return path, err
}

func (c *CLI) openDisk(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, &fault{code: exitNotFound, what: fmt.Sprintf(c.t("diskbildet %s finnes ikke", "there is no disk image %s"), path)}
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return nil, 0, errors.Join(&fault{
			code: exitInput, what: fmt.Sprintf(c.t("%s er ikke et diskbilde: det må være en fil som ikke er tom", "%s is not a disk image: it must be a file that is not empty"), path),
		}, f.Close())
	}
	return f, info.Size(), nil
}

// publish sends what the control plane's store lacks of the release.
func (c *CLI) publish(ctx context.Context, f operatorfile.File, local store.Store, image, name string) error {
	if len(f.Content) == 0 {
		return &fault{code: exitRefused, what: c.t("operatørfilen sier ikke hvor utgaver skal legges («content»)", "the operator file does not say where releases go (“content”)"), next: c.newFile()}
	}
	config, err := f.TLS()
	if err != nil {
		return err
	}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true, TLSHandshakeTimeout: dialTime, ResponseHeaderTimeout: 2 * time.Minute}
	defer transport.CloseIdleConnections()
	progress := c.bar(c.t("sender", "sending"), -1)
	defer progress.end()
	sent, err := publish.Release(ctx, local, image, name, publish.Target{Client: &http.Client{Transport: transport}, URL: f.Content[0]}, progress.set)
	if err != nil {
		return c.unpublished(err)
	}
	s := c.speech(nil, c.host.Now())
	c.note(c.t("nattevakt: %s %s er lagt ut: %s sendt, %s var der fra før", "nattevakt: %s %s has been published: %s sent, %s was there already"),
		image, name, s.bytes(uint64(sent.NewBytes)), s.bytes(uint64(sent.Bytes-sent.NewBytes)))
	return nil
}

func (c *CLI) unpublished(cause error) error {
	f := &fault{
		code: exitUnreachable, what: c.t("utgaven ble ikke lagt ut", "the release has not been published"), cause: cause,
		safe: c.t("Ingenting er bestilt. Utgaven er bygd og ligger her.", "Nothing has been ordered. The release is built and stays here."),
		next: c.t("Kjør kommandoen igjen med samme --release og uten --disk; den fortsetter der den slapp.", "Run the command again with the same --release and without --disk; it goes on where it stopped."),
	}
	switch {
	case errors.Is(cause, publish.ErrOther):
		f.code, f.next = exitConflict, c.t("Velg et annet navn med --release.", "Choose another name with --release.")
	case errors.Is(cause, publish.ErrRefused):
		f.code, f.next = exitRefused, c.newFile()
	}
	return f
}
