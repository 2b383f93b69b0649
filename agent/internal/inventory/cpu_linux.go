package inventory

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

func (r root) findProcessor(in *nattevaktv1.Inventory) error {
	text, err := r.text("proc/cpuinfo")
	in.Processor = parseCPUInfo(text)
	in.Processor.Architecture = runtime.GOARCH
	return err
}

// parseCPUInfo reads /proc/cpuinfo (proc_cpuinfo(5)): one block for each thread. Machines that do not name
// sockets and cores (ARM, some hypervisors) leave those at 0.
func parseCPUInfo(text string) *nattevaktv1.Processor {
	p := &nattevaktv1.Processor{}
	sockets, cores := map[string]bool{}, map[string]bool{}
	socket := ""
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(name) {
		case "processor":
			p.Threads++
		case "model name":
			p.Model = first(p.Model, strings.Join(strings.Fields(value), " "))
		case "physical id":
			socket = value
			sockets[socket] = true
		case "core id":
			cores[socket+"/"+value] = true
		}
	}
	p.Sockets, p.Cores = uint32(len(sockets)), uint32(len(cores))
	return p
}

func (r root) findMemory(in *nattevaktv1.Inventory) error {
	text, err := r.text("proc/meminfo")
	if err != nil {
		return err
	}
	for line := range strings.Lines(text) {
		if rest, found := strings.CutPrefix(line, "MemTotal:"); found {
			kib, err := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 48)
			if err != nil {
				return fmt.Errorf("proc/meminfo: MemTotal: %w", err)
			}
			in.Memory = &nattevaktv1.Memory{TotalBytes: kib << 10}
			return nil
		}
	}
	return fmt.Errorf("proc/meminfo: no MemTotal in %d bytes", len(text))
}
