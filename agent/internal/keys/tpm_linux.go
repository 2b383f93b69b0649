package keys

import (
	"os"

	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxtpm"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"
)

// defaultTPM goes through the kernel's resource manager, so that others may use the TPM meanwhile.
const defaultTPM = "/dev/tpmrm0"

func tpmPresent() bool {
	_, err := os.Stat(defaultTPM)
	return err == nil
}

func openTPM(path string) (transport.TPMCloser, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode()&os.ModeSocket != 0 {
		return linuxudstpm.Open(path)
	}
	return linuxtpm.Open(path)
}
