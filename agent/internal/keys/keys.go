// Package keys holds the one private key of a machine: the device key, ECDSA on P-256, which TPMs can
// hold and every TLS stack can use.
//
// Guarantees:
//   - The key is made once and never leaves: no function gives its private part.
//   - In a file it is readable by its owner alone (Windows: encrypted to the machine by DPAPI, in a folder
//     closed to users); a file that others could read is refused, not used.
//   - In a TPM it is made inside, cannot be exported (fixedTPM, fixedParent, sensitiveDataOrigin), and the
//     state folder holds only blobs that this one TPM can load.
//   - Where the key was made decides for ever where it is looked for: a TPM that is gone is an error, not a
//     new identity.
//
// agent and the command line call it. Signers may be used by several goroutines.
package keys

import (
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
)

// The files that may hold a key. At most one of them is there.
const (
	FileName = "device.key"
	TPMName  = "device.tpm"
)

// What Open takes as mode beside the path of a TPM.
const (
	// Auto uses the machine's TPM if there is one that works, else a file.
	Auto = "auto"
	// Off uses a file.
	Off = "off"
)

// Store keeps files that others cannot read; the error of a missing one is fs.ErrNotExist.
type Store interface {
	Path(name string) string
	Read(name string) ([]byte, error)
	Write(name string, data []byte) error
}

// Open loads the device key, or makes it at the first call. mode is Auto, Off or the path of a TPM: a
// device such as /dev/tpmrm0, or the Unix socket of a software TPM.
func Open(store Store, mode string, log *slog.Logger) (crypto.Signer, error) {
	if blobs, err := store.Read(TPMName); !errors.Is(err, fs.ErrNotExist) {
		return reopenTPM(blobs, err, mode)
	}
	if data, err := store.Read(FileName); !errors.Is(err, fs.ErrNotExist) {
		return reopenFile(store, data, err)
	}
	if mode == Off {
		return makeFile(store)
	}
	if mode != Auto {
		return makeTPM(store, mode)
	}
	return makeBest(store, log)
}

func reopenTPM(blobs []byte, err error, mode string) (crypto.Signer, error) {
	if err != nil {
		return nil, fmt.Errorf("device key: %w", err)
	}
	if mode == Off {
		return nil, errors.New("device key: it lives in the TPM; run without --tpm off")
	}
	return loadTPM(blobs, pathOf(mode))
}

// makeBest prefers the TPM and says why where it cannot be used.
func makeBest(store Store, log *slog.Logger) (crypto.Signer, error) {
	if !tpmPresent() {
		return makeFile(store)
	}
	key, err := makeTPM(store, pathOf(Auto))
	if err != nil {
		log.Warn("TPM cannot hold the device key; using a file", "error", err)
		return makeFile(store)
	}
	return key, nil
}

func pathOf(mode string) string {
	if mode == Auto {
		return defaultTPM
	}
	return mode
}
