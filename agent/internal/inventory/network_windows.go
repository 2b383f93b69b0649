package inventory

import (
	"errors"
	"fmt"
	"net"
	"unsafe"

	"golang.org/x/sys/windows"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// maxAdapterList bounds the memory that the list of adapters may ask for.
const maxAdapterList = 1 << 20

func findAdapters(in *nattevaktv1.Inventory) error {
	buffer, err := adapterList()
	if err != nil {
		return fmt.Errorf("list adapters: %w", err)
	}
	if len(buffer) == 0 {
		return nil
	}
	n := 0
	for a := (*windows.IpAdapterAddresses)(unsafe.Pointer(&buffer[0])); a != nil && n < 256; a = a.Next {
		if adapter := readAdapter(a); adapter != nil {
			in.Adapters = append(in.Adapters, adapter)
		}
		n++
	}
	return nil
}

// adapterList asks again with more room while adapters come faster than the answer.
func adapterList() ([]byte, error) {
	const addressesToo = windows.GAA_FLAG_SKIP_ANYCAST | windows.GAA_FLAG_SKIP_MULTICAST | windows.GAA_FLAG_SKIP_DNS_SERVER
	for size := uint32(16 << 10); size <= maxAdapterList; {
		buffer := make([]byte, size)
		err := windows.GetAdaptersAddresses(windows.AF_UNSPEC, addressesToo, 0, (*windows.IpAdapterAddresses)(unsafe.Pointer(&buffer[0])), &size)
		switch {
		case err == nil:
			return buffer, nil
		case errors.Is(err, windows.ERROR_NO_DATA):
			return nil, nil
		case !errors.Is(err, windows.ERROR_BUFFER_OVERFLOW):
			return nil, err
		}
	}
	return nil, fmt.Errorf("more than %d bytes", maxAdapterList)
}

// readAdapter returns nil for what is not hardware. The address is the one the adapter was made with: the
// one in force may be random. Its fastest speed is not known here, only the link's, which is not reported.
func readAdapter(a *windows.IpAdapterAddresses) *nattevaktv1.NetworkAdapter {
	const hardwareInterface = 1
	row := windows.MibIfRow2{InterfaceLuid: a.Luid}
	if err := windows.GetIfEntry2Ex(windows.MibIfTableNormalWithoutStatistics, &row); err != nil {
		return nil
	}
	kind := interfaceKind(a.IfType)
	if row.InterfaceAndOperStatusFlags&hardwareInterface == 0 || kind == "" {
		return nil
	}
	mac := row.PermanentPhysicalAddress[:min(int(row.PhysicalAddressLength), len(row.PermanentPhysicalAddress))]
	return &nattevaktv1.NetworkAdapter{
		Name: windows.UTF16PtrToString(a.FriendlyName), Mac: net.HardwareAddr(mac).String(), Kind: kind,
		Driver: windows.UTF16PtrToString(a.Description),
	}
}

// interfaceKind groups IANA's interface types; empty for loopback and tunnels.
func interfaceKind(ifType uint32) string {
	switch ifType {
	case 6:
		return "ethernet"
	case 71:
		return "wifi"
	case 243, 244:
		return "mobile"
	case windows.IF_TYPE_SOFTWARE_LOOPBACK, windows.IF_TYPE_TUNNEL:
		return ""
	}
	return "other"
}
