package inventory

import (
	"encoding/binary"
	"fmt"
	"regexp"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// healthPage is the length of both the NVMe log page and the ATA SMART data.
const healthPage = 512

// hourStep is the step in which hours of use are reported: a value that moves each hour would make a new
// report of every check-in.
const hourStep = 100

// parseNVMeHealth reads log page 02h (NVM Express 2.0, 5.16.1.3). A warning for temperature alone, which
// comes and goes, is not a failure.
func parseNVMeHealth(page []byte) (*nattevaktv1.DiskHealth, error) {
	const temperature = 1 << 1
	if len(page) < healthPage {
		return nil, fmt.Errorf("nvme health: %d bytes, want %d", len(page), healthPage)
	}
	return &nattevaktv1.DiskHealth{
		Passed:       page[0]&^temperature == 0,
		WearPercent:  uint32(page[5]),
		PowerOnHours: binary.LittleEndian.Uint64(page[128:]) / hourStep * hourStep,
		MediaErrors:  binary.LittleEndian.Uint64(page[160:]),
		Source:       "nvme-smart",
	}, nil
}

// virtualModels are what hypervisors call the disks they emulate.
var virtualModels = regexp.MustCompile(`(?i)^(qemu|vbox|vmware|virtual|msft virtual)|virtual disk`)
