package inventory

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/nattevakt/nattevakt/agent/internal/inventory/winreg"
	"github.com/nattevakt/nattevakt/agent/internal/inventory/wmi"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// localMachine is the real registry for package winreg.
type localMachine struct{}

const maxSubkeys = 16384

func open(key string) (registry.Key, bool) {
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, key, registry.READ|registry.WOW64_64KEY)
	return k, err == nil
}

func (localMachine) Text(key, name string) (string, bool) {
	k, found := open(key)
	if !found {
		return "", false
	}
	defer func() { _ = k.Close() }()
	v, _, err := k.GetStringValue(name)
	return v, err == nil
}

func (localMachine) Number(key, name string) (uint64, bool) {
	k, found := open(key)
	if !found {
		return 0, false
	}
	defer func() { _ = k.Close() }()
	v, _, err := k.GetIntegerValue(name)
	return v, err == nil
}

func (localMachine) Texts(key, name string) ([]string, bool) {
	k, found := open(key)
	if !found {
		return nil, false
	}
	defer func() { _ = k.Close() }()
	v, _, err := k.GetStringsValue(name)
	return v, err == nil
}

func (localMachine) Keys(key string) ([]string, bool) {
	k, found := open(key)
	if !found {
		return nil, false
	}
	defer func() { _ = k.Close() }()
	// An error after some names (the end of the list among them) leaves those.
	names, _ := k.ReadSubKeyNames(maxSubkeys)
	return names, true
}

func findOS(in *nattevaktv1.Inventory, reg winreg.Reader) error {
	v := windows.RtlGetVersion()
	in.Os = winreg.OS(reg, v.BuildNumber)
	in.Os.Kernel = fmt.Sprintf("%d.%d.%d", v.MajorVersion, v.MinorVersion, v.BuildNumber)
	in.Os.Reboot = winreg.RebootPending(reg)
	var err error
	if in.Os.Hostname, err = os.Hostname(); err != nil {
		err = fmt.Errorf("hostname: %w", err)
	}
	booted, bootErr := bootTime()
	if bootErr == nil {
		in.Os.BootedAt = timestamppb.New(booted)
	}
	return errors.Join(err, bootErr)
}

func findMemory(in *nattevaktv1.Inventory) error {
	var status struct {
		length, load uint32
		total        uint64
		_            [6]uint64
	}
	status.length = uint32(unsafe.Sizeof(status))
	if ok, err := call(globalMemoryStatus, uintptr(unsafe.Pointer(&status))); ok == 0 {
		return err
	}
	in.Memory = &nattevaktv1.Memory{TotalBytes: status.total}
	return nil
}

func findProcessor(in *nattevaktv1.Inventory) error {
	in.Processor = &nattevaktv1.Processor{
		Model: winreg.Processor(localMachine{}), Threads: windows.GetActiveProcessorCount(0xffff), Architecture: runtime.GOARCH,
	}
	info, err := processorInfo()
	if err != nil {
		return err
	}
	in.Processor.Cores, in.Processor.Sockets = countProcessors(info)
	return nil
}

// processorInfo returns the records of SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX for all relations.
func processorInfo() ([]byte, error) {
	const all = 0xffff
	var size uint32
	if _, err := call(logicalProcessorsInfo, all, 0, uintptr(unsafe.Pointer(&size))); size == 0 || size > 1<<20 {
		return nil, err
	}
	info := make([]byte, size)
	if ok, err := call(logicalProcessorsInfo, all, uintptr(unsafe.Pointer(&info[0])), uintptr(unsafe.Pointer(&size))); ok == 0 {
		return nil, err
	}
	return info[:min(int(size), len(info))], nil
}

// countProcessors walks the records: relation (0 a core, 3 a package) and size come first in each.
func countProcessors(info []byte) (cores, sockets uint32) {
	for len(info) >= 8 {
		size := binary.LittleEndian.Uint32(info[4:])
		switch binary.LittleEndian.Uint32(info) {
		case 0:
			cores++
		case 3:
			sockets++
		}
		if size < 8 || uint64(size) > uint64(len(info)) {
			break
		}
		info = info[size:]
	}
	return cores, sockets
}

func findSecurity(in *nattevaktv1.Inventory, reg winreg.Reader) error {
	state, uefi := winreg.SecureBoot(reg)
	in.Security = &nattevaktv1.Security{SecureBoot: state}
	in.Firmware = &nattevaktv1.Firmware{Uefi: uefi}
	return findTPM(in.Security)
}

// findTPM asks the TPM base services (TPM_DEVICE_INFO, tbs.h).
func findTPM(s *nattevaktv1.Security) error {
	const notFound, disabled = 0x8028400f, 0x80284010 // TBS_E_TPM_NOT_FOUND, TBS_E_SERVICE_DISABLED
	info := struct{ structVersion, tpmVersion, interfaceType, revision uint32 }{structVersion: 1}
	if tpmDeviceInfo.Find() != nil {
		return nil
	}
	switch result, _, _ := tpmDeviceInfo.Call(unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info))); uint32(result) {
	case 0:
	case notFound, disabled:
		return nil
	default:
		return fmt.Errorf("ask for the tpm: error %#x", uint32(result))
	}
	s.TpmPresent = true
	s.TpmVersion = map[uint32]string{1: "1.2", 2: "2.0"}[info.tpmVersion]
	return nil
}

// findWriteFilter asks the Unified Write Filter, where it is installed, whether it is on now (UWF_Filter).
func findWriteFilter(in *nattevaktv1.Inventory, reg winreg.Reader) error {
	in.ThinClient = &nattevaktv1.ThinClient{}
	if !winreg.HasWriteFilter(reg) {
		return nil
	}
	on, err := wmi.Column(`root\standardcimv2\embedded`, "SELECT CurrentEnabled FROM UWF_Filter", "CurrentEnabled")
	for _, value := range on {
		if value == true {
			in.ThinClient.Traits = []string{traitWriteFilter}
		}
	}
	return err
}
