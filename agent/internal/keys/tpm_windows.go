package keys

import (
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/windowstpm"
)

// defaultTPM stands for TPM Base Services; there is only one TPM and it has no path.
const defaultTPM = "tbs"

func tpmPresent() bool {
	tpm, err := windowstpm.Open()
	if err != nil {
		return false
	}
	return tpm.Close() == nil
}

func openTPM(string) (transport.TPMCloser, error) { return windowstpm.Open() }
