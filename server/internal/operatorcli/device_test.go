package operatorcli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
	"github.com/nattevakt/nattevakt/server/internal/operatorcli"
)

func TestCabinetAtSeveralWidths(t *testing.T) {
	cab := &operatorv1.Cabinet{Id: "a-101", Name: "Klasserom 101", SiteId: "nordvik-skole", Slots: 30}
	var devices []*operatorv1.Device
	for slot := range 29 {
		d := &operatorv1.Device{
			Hostname: fmt.Sprintf("NV-ELEV-%04d", slot), Slot: uint32(slot), State: operatorv1.DeviceState_DEVICE_STATE_ACTIVE,
			Readiness: &operatorv1.Readiness{Ready: true}, LastSeen: timestamppb.New(evening.Add(-3 * time.Minute)),
		}
		switch slot {
		case 0, 7:
			d.Readiness = &operatorv1.Readiness{Reason: nattevaktv1.Reason_REASON_NO_CONTACT}
			d.LastSeen = timestamppb.New(evening.Add(-50 * time.Hour))
		case 12:
			d.Readiness = &operatorv1.Readiness{Reason: nattevaktv1.Reason_REASON_WRONG_CLOCK, Detail: "2 h behind"}
		case 20:
			d.State = operatorv1.DeviceState_DEVICE_STATE_RETIRED
		}
		devices = append(devices, d)
	}
	for _, columns := range []int{0, 80, 40} {
		golden(t, fmt.Sprintf("cabinet-%d.txt", columns), operatorcli.CabinetText("nb", evening, columns, cab, devices))
	}
}

func TestDeviceIsShownWhole(t *testing.T) {
	resp := &operatorv1.GetDeviceResponse{
		Device: &operatorv1.Device{
			Id: "00000000-0000-4000-8000-000000000001", Hostname: "NV-0001", State: operatorv1.DeviceState_DEVICE_STATE_ACTIVE,
			Hardware: &nattevaktv1.HardwareIdentity{Vendor: "Dell", Product: "Latitude 3140", ModelKey: "0C0D", Serial: "ABC1234"},
			SiteId:   "nordvik-skole", CabinetId: "a-101", Slot: 7, Role: "elev", KeyHeld: "tpm",
			EnrolledAt: timestamppb.New(evening.Add(-72 * time.Hour)), CertificateExpires: timestamppb.New(evening.Add(100 * 24 * time.Hour)),
			LastSeen: timestamppb.New(evening), AgentVersion: "1.2.3",
			Readiness: &operatorv1.Readiness{Reason: nattevaktv1.Reason_REASON_IDENTITY_CLONED},
			Alarm:     nattevaktv1.Reason_REASON_IDENTITY_CLONED, AlarmAt: timestamppb.New(evening.Add(-time.Hour)),
			Delivery: &operatorv1.Delivery{Purchased: "2026-08-01", WarrantyEnd: "2029-08-01", PriceOre: 899050, Supplier: "Atea"},
		},
		Inventory: &nattevaktv1.Inventory{
			Os:        &nattevaktv1.OperatingSystem{Name: "Debian GNU/Linux 12", Kernel: "6.1.0", BootedAt: timestamppb.New(evening.Add(-5 * time.Hour))},
			Memory:    &nattevaktv1.Memory{TotalBytes: 8_000_000_000},
			Disks:     []*nattevaktv1.Disk{{Name: "nvme0n1", Model: "KIOXIA", SizeBytes: 256_000_000_000, Kind: "nvme", Health: &nattevaktv1.DiskHealth{WearPercent: 3}}},
			Batteries: []*nattevaktv1.Battery{{Name: "BAT0", DesignMwh: 50000, FullMwh: 41000, Cycles: 312}},
			Problems:  []*nattevaktv1.CollectorProblem{{Collector: "smart", Problem: "permission denied"}},
		},
		Patch: &nattevaktv1.PatchState{
			RebootPending: true, RebootCauses: []string{"linux-image-amd64"},
			Sources: []*nattevaktv1.PatchSource{{Name: "apt"}, {Name: "fwupd", Problem: "no answer"}},
			Missing: []*nattevaktv1.Update{{Name: "openssl", Source: "apt", Severity: nattevaktv1.Severity_SEVERITY_SECURITY, InstalledVersion: "3.0.1", AvailableVersion: "3.0.2", DaysBehind: 12}},
		},
	}
	for _, columns := range []int{100, 50} {
		s := &screen{env: map[string]string{"COLUMNS": strconv.Itoa(columns)}}
		golden(t, fmt.Sprintf("device-%d.txt", columns), s.cli().DeviceText(resp))
	}
}

// fleet is a service with a list of so many devices.
type fleet struct {
	operatorv1.FleetServiceClient
	devices int
	asked   int
}

func (f *fleet) ListDevices(_ context.Context, in *operatorv1.ListDevicesRequest, _ ...grpc.CallOption) (*operatorv1.ListDevicesResponse, error) {
	f.asked++
	from := 0
	if in.GetPageToken() != "" {
		from, _ = strconv.Atoi(in.GetPageToken()) // ours
	}
	resp := &operatorv1.ListDevicesResponse{}
	for i := from; i < f.devices; i++ {
		if i-from == int(in.GetPageSize()) {
			resp.NextPageToken = strconv.Itoa(i)
			break
		}
		resp.Devices = append(resp.Devices, &operatorv1.Device{Id: fmt.Sprint(i), Hostname: fmt.Sprintf("pc-%05d", i), State: operatorv1.DeviceState_DEVICE_STATE_ACTIVE})
	}
	return resp, nil
}

func TestListAsksForEveryPage(t *testing.T) {
	for devices, pages := range map[int]int{0: 1, 1: 1, 1000: 1, 1001: 2, 2500: 3} {
		for _, asJSON := range []bool{false, true} {
			s, f := &screen{}, &fleet{devices: devices}
			c := s.cli()
			if asJSON {
				c.JSON()
			}
			if err := c.ListTo(context.Background(), f); err != nil {
				t.Fatal(err)
			}
			if f.asked != pages {
				t.Errorf("%d devices: asked %d times, want %d", devices, f.asked, pages)
			}
			if got := listed(t, asJSON, s.out.String()); got != devices {
				t.Errorf("%d devices: %d shown", devices, got)
			}
		}
	}
}

func listed(t *testing.T, asJSON bool, out string) int {
	t.Helper()
	if !asJSON {
		return strings.Count(out, "pc-")
	}
	var answer struct{ Devices []json.RawMessage }
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		t.Fatalf("not one JSON document: %v\n%.500s", err, out)
	}
	return len(answer.Devices)
}
