package inventory

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

const (
	nvmeAdminCommand = 0xc0484e41 // NVME_IOCTL_ADMIN_CMD, linux/nvme_ioctl.h
	scsiGeneric      = 0x2285     // SG_IO, scsi/sg.h
	commandLimitMS   = 1000
)

// health asks a disk how it is, nil where it does not say: no right to ask, no such device, an adapter
// that passes no commands through.
func (r root) health(d *nattevaktv1.Disk) *nattevaktv1.DiskHealth {
	switch {
	case d.Kind == "emmc":
		return r.eMMCHealth(d.Name)
	case d.Removable || !r.isReal():
		return nil
	case d.Kind == "nvme":
		return ask(d.Name, nvmeHealth)
	case strings.HasPrefix(d.Name, "sd") && r.line("sys/block/"+d.Name+"/device/vendor") == "ATA":
		return ask(d.Name, func(f *os.File) (*nattevaktv1.DiskHealth, error) { return ataHealth(f, d.Kind == "hdd") })
	}
	return nil
}

func ask(name string, how func(*os.File) (*nattevaktv1.DiskHealth, error)) *nattevaktv1.DiskHealth {
	f, err := os.OpenFile("/dev/"+name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	h, err := how(f)
	if err != nil {
		return nil
	}
	return h
}

// eMMCHealth reads life_time, two estimates in tenths of the life used (1 is up to 10 %, 11 is beyond),
// and pre_eol_info, 1 while the reserve is normal (JESD84-B51, 7.4).
func (r root) eMMCHealth(name string) *nattevaktv1.DiskHealth {
	base := "sys/block/" + name + "/device/"
	var worst uint64
	for _, field := range strings.Fields(r.line(base + "life_time")) {
		if n, err := strconv.ParseUint(field, 0, 8); err == nil {
			worst = max(worst, n)
		}
	}
	if worst == 0 || worst > 11 {
		return nil
	}
	reserve, known := r.number(base + "pre_eol_info")
	return &nattevaktv1.DiskHealth{
		Passed: worst <= 10 && (!known || reserve <= 1), WearPercent: uint32(worst) * 10, Source: "emmc-life",
	}
}

// nvmeCommand is struct nvme_passthru_cmd of linux/nvme_ioctl.h.
type nvmeCommand struct {
	opcode, flags            uint8
	_                        uint16
	namespace                uint32
	_, _                     uint32
	_, data                  uint64
	metadataLength, dataSize uint32
	cdw10                    uint32
	_                        [5]uint32
	timeoutMS, _             uint32
}

// nvmeHealth gets log page 02h of the whole controller.
func nvmeHealth(f *os.File) (*nattevaktv1.DiskHealth, error) {
	const getLogPage, allNamespaces, smartLog = 0x02, 0xffffffff, 0x02
	page := make([]byte, healthPage)
	cmd := nvmeCommand{
		opcode: getLogPage, namespace: allNamespaces, data: uint64(uintptr(unsafe.Pointer(&page[0]))),
		dataSize: healthPage, cdw10: (healthPage/4-1)<<16 | smartLog, timeoutMS: commandLimitMS,
	}
	if err := control(f, nvmeAdminCommand, unsafe.Pointer(&cmd), page); err != nil {
		return nil, err
	}
	return parseNVMeHealth(page)
}

// scsiHeader is struct sg_io_hdr of scsi/sg.h.
type scsiHeader struct {
	interfaceID, direction    int32
	commandLength, senseLimit uint8
	_                         uint16
	dataLength                uint32
	data, command, sense      unsafe.Pointer
	timeoutMS, _              uint32
	_                         int32
	_                         unsafe.Pointer
	_                         [4]uint8
	_                         [2]uint16
	_                         int32
	_, _                      uint32
}

// ataHealth sends SMART READ DATA and SMART RETURN STATUS through ATA PASS-THROUGH (16) (SAT-4, 12.2.2.3).
func ataHealth(f *os.File, rotational bool) (*nattevaktv1.DiskHealth, error) {
	const pioIn, fromDevice, readData = 4 << 1, 0x0e, 0xd0
	const nonData, wantStatus, returnStatus = 3 << 1, 0x20, 0xda
	page := make([]byte, healthPage)
	if _, err := smart(f, pioIn, fromDevice, readData, page); err != nil {
		return nil, err
	}
	sense, err := smart(f, nonData, wantStatus, returnStatus, nil)
	if err != nil {
		return nil, err
	}
	passed, err := parseATAStatus(sense)
	if err != nil {
		return nil, err
	}
	return parseATAHealth(page, passed, rotational)
}

// smart sends one SMART command with its signature in the LBA, and returns the sense data.
func smart(f *os.File, protocol, flags, feature uint8, page []byte) ([]byte, error) {
	const none, fromDevice = -1, -3
	command := [16]byte{0: 0x85, 1: protocol, 2: flags, 4: feature, 6: 1, 10: 0x4f, 12: 0xc2, 14: 0xb0}
	sense := make([]byte, 32)
	h := scsiHeader{
		interfaceID: 'S', direction: none, commandLength: uint8(len(command)), senseLimit: uint8(len(sense)),
		command: unsafe.Pointer(&command[0]), sense: unsafe.Pointer(&sense[0]), timeoutMS: commandLimitMS,
	}
	if len(page) > 0 {
		h.direction, h.dataLength, h.data = fromDevice, uint32(len(page)), unsafe.Pointer(&page[0])
	}
	return sense, control(f, scsiGeneric, unsafe.Pointer(&h), page)
}

// control is ioctl(2). keep is memory that only the argument's integers point to.
func control(f *os.File, request uint, argument unsafe.Pointer, keep []byte) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), uintptr(request), uintptr(argument))
	runtime.KeepAlive(keep)
	if errno != 0 {
		return errno
	}
	return nil
}
