package inventory

import (
	"strings"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

const netClass = "sys/class/net"

// findAdapters lists interfaces that have a device behind them: no bridges, tunnels, bonds or loopback.
func (r root) findAdapters(in *nattevaktv1.Inventory) error {
	names, err := r.list(netClass)
	for _, name := range names {
		if r.exists(netClass + "/" + name + "/device") {
			in.Adapters = append(in.Adapters, r.adapter(name))
		}
	}
	return optional(err)
}

// adapter reads one interface (Documentation/ABI/testing/sysfs-class-net). On the machine itself the
// adapter is asked for its own address and the fastest speed it can do; the address in force may be a
// random one, and the speed in force changes with the cable.
func (r root) adapter(name string) *nattevaktv1.NetworkAdapter {
	base := netClass + "/" + name + "/"
	a := &nattevaktv1.NetworkAdapter{
		Name: name, Mac: strings.ToLower(r.line(base + "address")), Kind: r.adapterKind(base), Driver: r.driver(base),
	}
	if r.isReal() {
		mac, speed := askAdapter(name)
		a.Mac, a.SpeedMbit = first(mac, a.Mac), speed
	} else if a.Kind == "ethernet" {
		a.SpeedMbit = uint32(upTo(1_000_000, r.positive(base+"speed")))
	}
	return a
}

func (r root) adapterKind(base string) string {
	const ethernet = "1" // ARPHRD_ETHER, linux/if_arp.h
	switch {
	case r.exists(base + "wireless"), r.exists(base + "phy80211"):
		return "wifi"
	case strings.Contains(r.line(base+"uevent"), "DEVTYPE=wwan"):
		return "mobile"
	case r.line(base+"type") == ethernet:
		return "ethernet"
	}
	return "other"
}

func (r root) driver(base string) string {
	for _, field := range strings.Fields(r.line(base + "device/uevent")) {
		if driver, found := strings.CutPrefix(field, "DRIVER="); found {
			return driver
		}
	}
	return ""
}
