package inventory

import (
	"encoding/binary"
	"errors"
	"fmt"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// The SMART attributes that are read. Their numbers are not standardised but the same with all vendors of
// the last ten years; those of wear count down from 100.
const (
	attrPowerOnHours    = 9
	attrWearLevelling   = 177
	attrUncorrectable   = 187
	attrOfflineErrors   = 198
	attrLifetimeLeft    = 202
	attrLifeLeft        = 231
	attrMediaWearout    = 233
	firstAttribute      = 2
	attributeSize       = 12
	attributes          = 30
	attrNormalised      = 3
	attrRaw             = 5
	statusMidHighPassed = 0xc24f
	statusMidHighFailed = 0x2cf4
)

// parseATAHealth reads the attribute table of SMART READ DATA (ATA8-ACS 7.52.5; the table itself is as
// SFF-8035i had it). passed comes from SMART RETURN STATUS.
func parseATAHealth(page []byte, passed, rotational bool) (*nattevaktv1.DiskHealth, error) {
	if len(page) < healthPage {
		return nil, fmt.Errorf("ata health: %d bytes, want %d", len(page), healthPage)
	}
	var sum byte
	for _, b := range page[:healthPage] {
		sum += b
	}
	if sum != 0 {
		return nil, errors.New("ata health: wrong checksum")
	}
	h := &nattevaktv1.DiskHealth{Passed: passed, Source: "ata-smart"}
	for i := range attributes {
		a := page[firstAttribute+i*attributeSize:][:attributeSize]
		raw := uint64(binary.LittleEndian.Uint32(a[attrRaw:]))
		switch a[0] {
		case attrPowerOnHours:
			h.PowerOnHours = raw / hourStep * hourStep
		case attrUncorrectable, attrOfflineErrors:
			h.MediaErrors = max(h.MediaErrors, raw)
		case attrWearLevelling, attrLifetimeLeft, attrLifeLeft, attrMediaWearout:
			if left := a[attrNormalised]; !rotational && left <= 100 {
				h.WearPercent = max(h.WearPercent, uint32(100-left))
			}
		}
	}
	return h, nil
}

// parseATAStatus reads the ATA status return descriptor (SAT-4, 12.2.2.7) of SMART RETURN STATUS from sense data.
func parseATAStatus(sense []byte) (passed bool, err error) {
	const descriptorFormat, ataReturn = 0x72, 0x09
	if len(sense) < 22 || sense[0]&0x7f != descriptorFormat || sense[8] != ataReturn {
		return false, errors.New("ata status: no status descriptor")
	}
	switch uint16(sense[8+11])<<8 | uint16(sense[8+9]) {
	case statusMidHighPassed:
		return true, nil
	case statusMidHighFailed:
		return false, nil
	}
	return false, errors.New("ata status: neither passed nor failed")
}
