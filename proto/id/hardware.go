package id

import (
	"crypto/sha256"
	"fmt"
	"strings"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// Hardware names a machine by what SMBIOS says it is: the first 16 bytes of SHA-256 over vendor, model
// key, serial and UUID in lower case, each behind its length. Both ends compute it: the control plane at
// enrolment, the device with every check-in; a difference is a clone.
func Hardware(h *nattevaktv1.HardwareIdentity) [16]byte {
	sum := sha256.New()
	for _, s := range []string{h.GetVendor(), h.GetModelKey(), h.GetSerial(), h.GetSystemUuid()} {
		s = strings.ToLower(strings.TrimSpace(s))
		fmt.Fprintf(sum, "%d:%s", len(s), s)
	}
	return [16]byte(sum.Sum(nil)[:16])
}

// ModelName is what people call a model: the vendor once, then the product.
func ModelName(vendor, product string) string {
	if strings.HasPrefix(strings.ToLower(product), strings.ToLower(vendor)) {
		return product
	}
	return strings.TrimSpace(vendor + " " + product)
}
