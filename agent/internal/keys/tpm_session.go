package keys

import (
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
)

// loadedKey is an object in the TPM's memory.
type loadedKey struct {
	handle tpm2.TPMHandle
	name   tpm2.TPM2BName
}

func (l loadedKey) auth(session tpm2.Session) tpm2.AuthHandle {
	return tpm2.AuthHandle{Handle: l.handle, Name: l.name, Auth: session}
}

// with opens the TPM for one conversation.
func (k *TPMKey) with(talk func(transport.TPM) error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	tpm, err := openTPM(k.path)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	return errors.Join(talk(tpm), tpm.Close())
}

// loaded puts the device key into the TPM's memory while use runs.
func (k *TPMKey) loaded(tpm transport.TPM, use func(loadedKey) error) error {
	public, err := tpm2.Unmarshal[tpm2.TPM2BPublic](k.blobs.Public)
	if err != nil {
		return err
	}
	private, err := tpm2.Unmarshal[tpm2.TPM2BPrivate](k.blobs.Private)
	if err != nil {
		return err
	}
	parent, err := primary(tpm, storage)
	if err != nil {
		return err
	}
	defer flush(tpm, parent.Handle)
	made, err := tpm2.Load{ParentHandle: parent, InPublic: *public, InPrivate: *private}.Execute(tpm)
	if err != nil {
		return err
	}
	defer flush(tpm, made.ObjectHandle)
	return use(loadedKey{handle: made.ObjectHandle, name: made.Name})
}

func primary(tpm transport.TPM, template tpm2.CreatePrimary) (tpm2.NamedHandle, error) {
	made, err := template.Execute(tpm)
	if err != nil {
		return tpm2.NamedHandle{}, err
	}
	return tpm2.NamedHandle{Handle: made.ObjectHandle, Name: made.Name}, nil
}

// flush frees the TPM's memory. A failure shows at the next command, which then finds no room.
func flush(tpm transport.TPM, handle tpm2.TPMHandle) {
	_, _ = tpm2.FlushContext{FlushHandle: handle}.Execute(tpm)
}
