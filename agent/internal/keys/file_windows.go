package keys

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/nattevakt/nattevakt/agent/internal/state"
)

// checkClosed closes the file again: a copied or restored folder may have taken rights from above.
func checkClosed(path string) error { return state.Protect(path) }

// seal encrypts to this machine (DPAPI). Any user of the machine who can read the file could decrypt
// it, which is why the folder's access list matters as much.
func seal(plain []byte) ([]byte, error) {
	in, out := blob(plain), windows.DataBlob{}
	flags := uint32(windows.CRYPTPROTECT_LOCAL_MACHINE | windows.CRYPTPROTECT_UI_FORBIDDEN)
	if err := windows.CryptProtectData(&in, nil, nil, 0, nil, flags, &out); err != nil {
		return nil, fmt.Errorf("encrypt to this machine: %w", err)
	}
	return take(out), nil
}

func unseal(sealed []byte) ([]byte, error) {
	in, out := blob(sealed), windows.DataBlob{}
	if err := windows.CryptUnprotectData(&in, nil, nil, 0, nil, windows.CRYPTPROTECT_UI_FORBIDDEN, &out); err != nil {
		return nil, fmt.Errorf("decrypt with this machine's key: %w", err)
	}
	return take(out), nil
}

func blob(b []byte) windows.DataBlob {
	if len(b) == 0 {
		return windows.DataBlob{}
	}
	return windows.DataBlob{Size: uint32(len(b)), Data: &b[0]}
}

// take copies what the system allocated and gives it back.
func take(b windows.DataBlob) []byte {
	defer func() { _, _ = windows.LocalFree(windows.Handle(unsafe.Pointer(b.Data))) }()
	return append([]byte(nil), unsafe.Slice(b.Data, b.Size)...)
}
