package inventory

import (
	"regexp"
	"strings"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// notDisks are block devices that are made of others, of memory or of nothing, that hold discs and
// floppies, and the boot areas of an eMMC.
var notDisks = regexp.MustCompile(`^(loop|ram|zram|dm-|md|nbd|sr|fd|drbd|bcache|zd|mtdblock|rbd)|^mmcblk\d+(boot\d+|rpmb|gp\d+)$`)

func (r root) findDisks(in *nattevaktv1.Inventory) error {
	names, err := r.list("sys/block")
	for _, name := range names {
		if notDisks.MatchString(name) || r.line("sys/block/"+name+"/hidden") == "1" {
			continue
		}
		if d := r.disk(name); d.SizeBytes > 0 {
			in.Disks = append(in.Disks, d)
		}
	}
	return err
}

// disk reads one block device (Documentation/ABI/stable/sysfs-block); size counts sectors of 512 bytes
// whatever the disk's are, and is 0 for a card reader without a card.
func (r root) disk(name string) *nattevaktv1.Disk {
	base := "sys/block/" + name + "/"
	d := &nattevaktv1.Disk{
		Name:      name,
		Model:     first(r.line(base+"device/model"), r.line(base+"device/name")),
		Serial:    r.diskSerial(base),
		SizeBytes: r.positive(base+"size") * 512,
		Removable: r.line(base+"removable") == "1",
	}
	d.Kind = r.diskKind(name, d.Model)
	d.Health = r.health(d)
	return d
}

func (r root) diskKind(name, model string) string {
	base := "sys/block/" + name + "/"
	switch {
	case strings.HasPrefix(name, "vd"), strings.HasPrefix(name, "xvd"), virtualModels.MatchString(model):
		return "virtual"
	case strings.HasPrefix(name, "nvme"):
		return "nvme"
	case strings.HasPrefix(name, "mmcblk") && r.line(base+"device/type") == "MMC":
		return "emmc"
	}
	switch r.line(base + "queue/rotational") {
	case "0":
		return "ssd"
	case "1":
		return "hdd"
	}
	return "unknown"
}

// diskSerial reads the serial attribute, or page 80h of a SCSI or ATA disk (SPC-4, 7.8.16: four bytes
// of header, of which the last is the length).
func (r root) diskSerial(base string) string {
	if serial := first(r.line(base+"device/serial"), r.line(base+"serial")); serial != "" {
		return serial
	}
	page, err := r.bytes(base + "device/vpd_pg80")
	if err != nil || len(page) < 4 || len(page) < 4+int(page[3]) {
		return ""
	}
	return strings.TrimSpace(clip(string(page[4:4+int(page[3])]), 64))
}
