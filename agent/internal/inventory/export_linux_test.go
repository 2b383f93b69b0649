package inventory

import (
	"context"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// The parts that tests look at one by one.
var (
	ParseOSRelease  = parseOSRelease
	CountInstalled  = countInstalled
	ParseRPM        = parseRPM
	CompareVersions = compareVersions
	NewerKernel     = newerKernel
	RootTraits      = rootTraits
	ParseNVMeHealth = parseNVMeHealth
	ParseATAHealth  = parseATAHealth
	ParseATAStatus  = parseATAStatus
)

// CollectWith runs the given collectors beside none of the platform's, in no order.
func CollectWith(o Options, run map[string]func(context.Context, *nattevaktv1.Inventory) error) *nattevaktv1.Inventory {
	var list []collector
	for name, f := range run {
		list = append(list, collector{name, f})
	}
	return collect(context.Background(), o.withDefaults(), list)
}
