package inventory

import (
	"cmp"
	"slices"
	"strings"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// smallDisk is below what an ordinary PC has had since 2012: thin clients have 8 to 32 GB.
const smallDisk = 64e9

// Traits of a thin client, as in the contract.
const (
	traitProduct     = "product-name"
	traitSmallDisk   = "small-disk"
	traitWriteFilter = "write-filter"
	traitReadOnly    = "read-only-root"
)

// finish concludes from what all collectors found together, and puts lists into their fixed order.
func finish(in *nattevaktv1.Inventory) {
	slices.SortFunc(in.Disks, func(a, b *nattevaktv1.Disk) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(in.Batteries, func(a, b *nattevaktv1.Battery) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(in.Adapters, func(a, b *nattevaktv1.NetworkAdapter) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(in.GetPackages().GetCounts(), func(a, b *nattevaktv1.PackageCount) int {
		return cmp.Compare(a.Manager, b.Manager)
	})
	if reboot := in.GetOs().GetReboot(); reboot != nil {
		reboot.Causes = uniqueSorted(reboot.Causes)
	}
	judgeThinClient(in)
}

// judgeThinClient adds the traits that hardware shows to those that the system showed. A product name or
// a write filter is proof enough; a read-only root only together with a small disk.
func judgeThinClient(in *nattevaktv1.Inventory) {
	traits := in.GetThinClient().GetTraits()
	if in.GetIdentity().GetFormFactor() == nattevaktv1.FormFactor_FORM_FACTOR_THIN_CLIENT {
		traits = append(traits, traitProduct)
	}
	if largest := largestDisk(in.Disks); largest > 0 && largest < smallDisk {
		traits = append(traits, traitSmallDisk)
	}
	has := func(trait string) bool { return slices.Contains(traits, trait) }
	in.ThinClient = &nattevaktv1.ThinClient{
		Likely: has(traitProduct) || has(traitWriteFilter) || has(traitReadOnly) && has(traitSmallDisk),
		Traits: uniqueSorted(traits),
	}
}

func largestDisk(disks []*nattevaktv1.Disk) (size uint64) {
	for _, d := range disks {
		if !d.Removable {
			size = max(size, d.SizeBytes)
		}
	}
	return size
}

func uniqueSorted(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// clip cuts text to at most n bytes and keeps it valid UTF-8.
func clip(text string, n int) string {
	if len(text) > n {
		text = text[:n]
	}
	return strings.ToValidUTF8(text, "")
}
