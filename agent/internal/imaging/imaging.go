// Package imaging carries out the phases of a reimage with images/apply: content comes over HTTPS with
// the device's certificate, waits in the state folder, and goes to the target disk.
//
// Guarantees:
//   - Every phase is safe to run twice and goes on from what is there; see images/apply.
//   - Nothing is written to the disk whose release is not signed as the bootstrap file demands.
//   - Each failure has one reason.
//
// job's Runner is the only caller.
package imaging

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/nattevakt/nattevakt/agent/internal/job"
	"github.com/nattevakt/nattevakt/images/apply"
	"github.com/nattevakt/nattevakt/images/release"
	"github.com/nattevakt/nattevakt/images/store"
	"github.com/nattevakt/nattevakt/proto/reason"
)

// Executor writes releases to one disk.
type Executor struct {
	// Stage is the folder where content waits.
	Stage string
	// Disk is the target: a block device or a file. Empty is no disk.
	Disk string
	// Trust says whose releases may be written.
	Trust release.Trust
	// Client carries the device's certificate.
	Client *http.Client
}

var _ job.Executor = (*Executor)(nil)

// Error is a failure with its reason.
type Error struct {
	code reason.Code
	err  error
}

func (e *Error) Error() string { return e.err.Error() }

func (e *Error) Unwrap() error { return e.err }

// Reason is the stable code.
func (e *Error) Reason() reason.Code { return e.code }

// Do is job.Executor.
func (x *Executor) Do(ctx context.Context, order job.Order, phase job.Phase, progress func(done, total, fetched int64)) error {
	stage, err := apply.OpenStage(x.Stage)
	if err != nil {
		return coded(err)
	}
	target, err := x.target()
	if err != nil {
		return err
	}
	defer target.Close()
	ref := apply.Ref{Image: order.Reimage.Image, Release: order.Reimage.Release, ManifestDigest: order.Reimage.ManifestDigest}
	switch phase {
	case job.Fetch:
		source := store.HTTP(x.Client, order.Reimage.ContentURLs...)
		err = stage.Fetch(ctx, source, ref, x.Trust, target, progress)
	case job.Verify:
		err = stage.Verify(ctx, ref, x.Trust, progress)
	case job.Write:
		err = stage.Write(ctx, ref, target, progress)
	case job.Confirm:
		err = stage.Confirm(ctx, ref, target, progress)
	default:
		err = &Error{reason.UnsupportedAction, fmt.Errorf("phase %q", phase)}
	}
	return coded(err)
}

// Release is job.Executor.
func (x *Executor) Release() error {
	stage, err := apply.OpenStage(x.Stage)
	if err != nil {
		return err
	}
	return stage.Free()
}

// target opens the disk, which must be there.
func (x *Executor) target() (*apply.FileTarget, error) {
	if x.Disk == "" {
		return nil, &Error{reason.NoTargetDisk, errors.New("no target disk (set one with --disk)")}
	}
	target, err := apply.OpenFileTarget(x.Disk, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &Error{reason.NoTargetDisk, err}
	case err != nil:
		return nil, &Error{reason.DiskError, err}
	}
	return target, nil
}

var reasons = map[apply.Kind]reason.Code{
	apply.Network:      reason.ContentUnreachable,
	apply.DiskFull:     reason.DiskFull,
	apply.DiskTooSmall: reason.DiskTooSmall,
	apply.DiskIO:       reason.DiskError,
	apply.Signature:    reason.SignatureInvalid,
	apply.Corrupt:      reason.ContentCorrupt,
	apply.Missing:      reason.ContentMissing,
	apply.Internal:     reason.Internal,
}

// coded gives an error of images/apply its reason; others stay as they are.
func coded(err error) error {
	var known *apply.Error
	if !errors.As(err, &known) {
		return err
	}
	code, ok := reasons[known.Kind]
	if !ok {
		code = reason.Internal
	}
	return &Error{code, err}
}
