package inventory

import (
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Requests of linux/ethtool.h.
const (
	ethtoolSettings         = 0x01 // ETHTOOL_GSET
	ethtoolPermanentAddress = 0x20 // ETHTOOL_GPERMADDR
)

// speeds are the fastest mode for each of the supported bits of struct ethtool_cmd, fastest first. The
// 32 bits of this oldest request name no 2.5 and 5 Gbit modes: such adapters count as what else they can.
var speeds = []struct {
	bits uint32
	mbit uint32
}{
	{1<<12 | 1<<18 | 1<<19 | 1<<20, 10_000},
	{1<<4 | 1<<5 | 1<<17, 1000},
	{1<<2 | 1<<3, 100},
	{1<<0 | 1<<1, 10},
}

// ethtoolRequest is struct ifreq with a pointer.
type ethtoolRequest struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [16]byte
}

// askAdapter returns the address an adapter was made with and the fastest speed it supports; empty and 0
// where its driver does not say.
func askAdapter(name string) (mac string, mbit uint32) {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", 0
	}
	defer func() { _ = unix.Close(socket) }()
	var address struct {
		command, size uint32
		bytes         [32]byte
	}
	address.command, address.size = ethtoolPermanentAddress, uint32(len(address.bytes))
	if ethtool(socket, name, unsafe.Pointer(&address)) && address.size == 6 && address.bytes != [32]byte{} {
		mac = net.HardwareAddr(address.bytes[:6]).String()
	}
	var settings struct {
		command, supported uint32
		_                  [36]byte
	}
	settings.command = ethtoolSettings
	if ethtool(socket, name, unsafe.Pointer(&settings)) {
		mbit = fastest(settings.supported)
	}
	return mac, mbit
}

func fastest(supported uint32) uint32 {
	for _, s := range speeds {
		if supported&s.bits != 0 {
			return s.mbit
		}
	}
	return 0
}

func ethtool(socket int, name string, data unsafe.Pointer) bool {
	request := ethtoolRequest{data: data}
	copy(request.name[:unix.IFNAMSIZ-1], name)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(socket), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
	return errno == 0
}
