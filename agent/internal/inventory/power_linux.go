package inventory

import (
	"errors"
	"fmt"
	"strings"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

const supplies = "sys/class/power_supply"

// Vitals reads the power supplies, told apart by their type and never by their name (AC, ADP1, ACAD,
// BAT0, CMB1 …; Documentation/ABI/testing/sysfs-class-power). Several batteries count by their capacity.
// A battery whose charge cannot be believed is left out and named in the error; the rest is returned.
func Vitals(rootPath string) (*nattevaktv1.Vitals, error) {
	r := root(rootPath)
	v := &nattevaktv1.Vitals{}
	names, err := r.list(supplies)
	if optional(err) != nil {
		return v, fmt.Errorf("read power supplies: %w", err)
	}
	var charges []charge
	var errs []error
	for _, name := range names {
		switch r.supplyKind(name) {
		case "battery":
			v.HasBattery = true
			c, err := r.charge(name)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			charges = append(charges, c)
		case "line":
			v.OnAc = v.OnAc || r.line(supplies+"/"+name+"/online") == "1"
		}
	}
	v.BatteryPercent = weigh(charges)
	return v, errors.Join(errs...)
}

// supplyKind is battery, line, or empty for what does not feed the machine: an empty bay, or the battery
// of a mouse (scope Device).
func (r root) supplyKind(name string) string {
	base := supplies + "/" + name + "/"
	switch kind := r.line(base + "type"); {
	case r.line(base+"scope") == "Device":
		return ""
	case kind == "Battery" && r.line(base+"present") != "0":
		return "battery"
	case kind == "Mains" || strings.HasPrefix(kind, "USB") || kind == "Wireless":
		return "line"
	}
	return ""
}

// charge is one battery's: 0 ≤ percent ≤ 100; full is its capacity in mWh, 0 if unknown.
type charge struct {
	percent int64
	full    uint64
}

// nonsense is the percentage from which a battery is not a bit beyond full but broken: firmware that does
// not know reports 255.
const nonsense = 150

func (r root) charge(name string) (charge, error) {
	base := supplies + "/" + name + "/"
	percent, ok := r.number(base + "capacity")
	full := r.milliwattHours(base, "full")
	if !ok {
		if full == 0 {
			return charge{}, fmt.Errorf("battery %s: neither capacity nor energy can be read", name)
		}
		percent = int64(r.milliwattHours(base, "now") * 100 / full)
	}
	if percent < 0 || percent >= nonsense {
		return charge{}, fmt.Errorf("battery %s: reports %d %%, want 0 to 100", name, percent)
	}
	return charge{min(percent, 100), full}, nil
}

// weigh is the charge of all batteries together, rounded down; those of unknown capacity count as the
// average of the others.
func weigh(list []charge) uint32 {
	var known, total uint64
	for _, c := range list {
		if c.full > 0 {
			known++
			total += c.full
		}
	}
	average := uint64(1)
	if known > 0 {
		average = max(total/known, 1)
	}
	var sum, weights uint64
	for _, c := range list {
		w := c.full
		if w == 0 {
			w = average
		}
		sum += w * uint64(c.percent)
		weights += w
	}
	return uint32(sum / max(weights, 1))
}

// milliwattHours reads energy_X in µWh, or charge_X in µAh at the battery's nominal voltage in µV.
// A value beyond any battery (10 kWh) is unknown.
func (r root) milliwattHours(base, what string) uint64 {
	const most = 10_000_000
	if energy := r.positive(base + "energy_" + what); energy > 0 {
		return upTo(most, energy/1000)
	}
	amps, volts := r.positive(base+"charge_"+what), r.positive(base+"voltage_min_design")
	if amps > 1<<31 || volts > 1<<31 {
		return 0
	}
	return upTo(most, amps*volts/1_000_000_000)
}

func upTo(most, n uint64) uint64 {
	if n > most {
		return 0
	}
	return n
}

func (r root) findBatteries(in *nattevaktv1.Inventory) error {
	names, err := r.list(supplies)
	for _, name := range names {
		if r.supplyKind(name) != "battery" {
			continue
		}
		base := supplies + "/" + name + "/"
		in.Batteries = append(in.Batteries, &nattevaktv1.Battery{
			Name: name, Model: r.line(base + "model_name"), Serial: r.line(base + "serial_number"),
			Technology: r.line(base + "technology"),
			DesignMwh:  uint32(r.milliwattHours(base, "full_design")),
			FullMwh:    uint32(r.milliwattHours(base, "full")),
			Cycles:     uint32(upTo(100_000, r.positive(base+"cycle_count"))),
		})
	}
	return optional(err)
}
