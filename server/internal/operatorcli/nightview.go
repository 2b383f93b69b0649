package operatorcli

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	operatorv1 "github.com/nattevakt/nattevakt/proto/nattevakt/operator/v1"
	"github.com/nattevakt/nattevakt/proto/reason"
	"github.com/nattevakt/nattevakt/server/internal/operatorcli/table"
)

// nightView shows one cabinet's night.
type nightView struct {
	speech
	columns int
	paint   table.Paint
	// limit is how many devices are shown; 0 is all. Those with the most to tell come first.
	limit int
}

func (c *CLI) nightView(p places, n *operatorv1.CabinetNight, now time.Time) nightView {
	zone := p.zone(n.GetCabinet().GetSiteId())
	if now.IsZero() {
		now = c.host.Now()
	}
	return nightView{speech: c.speech(zone, now), columns: c.columns(), paint: c.paint()}
}

func (v nightView) write(w io.Writer, n *operatorv1.CabinetNight) error {
	var b bytes.Buffer
	b.WriteString(v.paint.Text(table.Title, strings.TrimSuffix(wrap(v.heading(n), v.columns), "\n")) + "\n")
	b.WriteString(wrap(v.order(n), v.columns))
	shown := v.choose(n.GetDevices())
	if len(shown) > 0 {
		b.WriteByte('\n')
		if err := v.devices(shown).Write(&b, v.columns, v.paint); err != nil {
			return err
		}
	}
	if left := len(n.GetDevices()) - len(shown); left > 0 {
		fmt.Fprintf(&b, v.t("… og %d til\n", "… and %d more\n"), left)
	}
	b.WriteByte('\n')
	if v.limit == 0 {
		v.todo(&b, n.GetDevices())
	}
	b.WriteString(wrap([]string{v.totals(n)}, v.columns))
	_, err := w.Write(b.Bytes())
	return err
}

func (v nightView) heading(n *operatorv1.CabinetNight) []string {
	cab := n.GetCabinet()
	parts := []string{cab.GetId()}
	if cab.GetName() != cab.GetId() {
		parts = append(parts, cab.GetName())
	}
	return append(parts, cab.GetSiteId(), v.t("klokken er ", "the time is ")+v.clock(v.now))
}

// order says what was ordered for the night, if anything.
func (v nightView) order(n *operatorv1.CabinetNight) []string {
	r := n.GetRollout()
	if r == nil {
		return []string{v.t("Ingenting er planlagt i natt.", "Nothing is planned tonight.")}
	}
	parts := []string{
		r.GetImage() + " " + r.GetRelease(),
		v.t("vindu ", "window ") + v.near(timeOf(r.GetOpensAt())) + "–" + v.clock(timeOf(r.GetClosesAt())),
		v.t("skoleklokke ", "bell ") + v.clock(timeOf(r.GetBellAt())),
		fmt.Sprintf(v.t("%d om gangen", "%d at once"), r.GetAtOnce()),
	}
	if t := timeOf(n.GetExpectedFinish()); !t.IsZero() && r.GetState() == operatorv1.RolloutState_ROLLOUT_STATE_RUNNING {
		parts = append(parts, v.t("ventes ferdig ", "expected done ")+v.near(t))
	}
	if r.GetState() != operatorv1.RolloutState_ROLLOUT_STATE_RUNNING {
		l := v.rolloutLook(r.GetState())
		parts = append(parts, l.mark+" "+l.word)
	}
	return parts
}

// urgency orders devices by how much there is to tell about them.
var urgency = map[operatorv1.JobState]int{
	operatorv1.JobState_JOB_STATE_FAILED: 0, operatorv1.JobState_JOB_STATE_EXPIRED: 0,
	operatorv1.JobState_JOB_STATE_RUNNING: 1, operatorv1.JobState_JOB_STATE_GRANTED: 2,
	operatorv1.JobState_JOB_STATE_PLANNED: 3, operatorv1.JobState_JOB_STATE_CANCELLED: 4,
	operatorv1.JobState_JOB_STATE_UNSPECIFIED: 4, operatorv1.JobState_JOB_STATE_SUCCEEDED: 5,
}

// choose gives the devices to show, in slot order.
func (v nightView) choose(devices []*operatorv1.DeviceNight) []*operatorv1.DeviceNight {
	if v.limit <= 0 || len(devices) <= v.limit {
		return devices
	}
	chosen := slices.Clone(devices)
	slices.SortStableFunc(chosen, func(a, b *operatorv1.DeviceNight) int {
		return cmp.Compare(urgency[a.GetState()], urgency[b.GetState()])
	})
	chosen = chosen[:v.limit]
	slices.SortStableFunc(chosen, func(a, b *operatorv1.DeviceNight) int { return cmp.Compare(a.GetSlot(), b.GetSlot()) })
	return chosen
}

func (v nightView) devices(devices []*operatorv1.DeviceNight) table.Table {
	t := table.Table{Columns: []table.Column{
		{Title: v.t("PLASS", "SLOT"), Weight: 9, Right: true},
		{Title: v.t("MASKIN", "DEVICE"), Weight: 8, Least: 8},
		{Title: v.t("MODELL", "MODEL"), Weight: 1, Least: 8},
		{Title: v.t("START", "START"), Weight: 4},
		{Title: v.t("TILSTAND", "STATE"), Weight: 7},
		{Title: v.t("STEG", "STEP"), Weight: 3},
		{Title: v.t("HVOR LANGT", "HOW FAR"), Weight: 6},
		{Title: v.t("ÅRSAK", "REASON"), Weight: 5, Least: 16},
	}}
	for _, d := range devices {
		t.Rows = append(t.Rows, []table.Cell{
			{Text: slotOf(d.GetSlot())}, {Text: nightName(d)}, {Text: firstOf(strings.TrimSpace(d.GetModel())), Style: table.Dim}, {Text: v.start(d)},
			v.jobLook(d.GetState()).cell(), {Text: v.step(d)}, {Text: v.progress(d)}, {Text: v.why(d)},
		})
	}
	return t
}

func nightName(d *operatorv1.DeviceNight) string {
	return firstOf(d.GetHostname(), d.GetSerial(), d.GetDeviceId())
}

// start is when the device began, else when it is planned to.
func (v nightView) start(d *operatorv1.DeviceNight) string {
	if t := timeOf(d.GetStartedAt()); !t.IsZero() {
		return v.clock(t)
	}
	return v.clock(timeOf(d.GetPlannedStart()))
}

// step is where the work is, or where it stopped.
func (v nightView) step(d *operatorv1.DeviceNight) string {
	if d.GetState() == operatorv1.JobState_JOB_STATE_SUCCEEDED {
		return ""
	}
	step := v.phase(d.GetPhase())
	if step != "" && d.GetAttempt() > 1 {
		step += fmt.Sprintf(v.t(" (forsøk %d)", " (attempt %d)"), d.GetAttempt())
	}
	return step
}

// progress is a bar while the device works and the time when it is over.
func (v nightView) progress(d *operatorv1.DeviceNight) string {
	const width = 8
	switch {
	case d.GetState() == operatorv1.JobState_JOB_STATE_RUNNING && d.GetTotalBytes() > 0:
		return bar(d.GetDoneBytes(), d.GetTotalBytes(), width) + " " + v.percent(d.GetDoneBytes(), d.GetTotalBytes())
	case d.GetEndedAt() != nil:
		return v.t("til ", "until ") + v.clock(timeOf(d.GetEndedAt()))
	}
	return ""
}

// why is the reason of what has not gone well or not happened yet.
func (v nightView) why(d *operatorv1.DeviceNight) string {
	if d.GetState() == operatorv1.JobState_JOB_STATE_SUCCEEDED {
		return ""
	}
	return v.because(d.GetReason(), d.GetDetail())
}

// todo says in full why each device that was left behind was, and what to do about it.
func (v nightView) todo(b *bytes.Buffer, devices []*operatorv1.DeviceNight) {
	before := b.Len()
	for _, d := range devices {
		if d.GetState() != operatorv1.JobState_JOB_STATE_FAILED && d.GetState() != operatorv1.JobState_JOB_STATE_EXPIRED {
			continue
		}
		text := fmt.Sprintf(v.t("✗ plass %s, %s: %s %s", "✗ slot %s, %s: %s %s"), slotOf(d.GetSlot()), nightName(d), v.why(d), reason.Of(d.GetReason()).NextStep(string(v.lang)))
		b.WriteString(wrap([]string{text}, v.columns))
	}
	if b.Len() > before {
		b.WriteByte('\n')
	}
}

// totals counts every device once by its job, and says how many are ready.
func (v nightView) totals(n *operatorv1.CabinetNight) string {
	counts := map[operatorv1.JobState]int{}
	for _, d := range n.GetDevices() {
		counts[d.GetState()]++
	}
	var parts []string
	for _, s := range []operatorv1.JobState{
		operatorv1.JobState_JOB_STATE_SUCCEEDED, operatorv1.JobState_JOB_STATE_RUNNING, operatorv1.JobState_JOB_STATE_GRANTED,
		operatorv1.JobState_JOB_STATE_PLANNED, operatorv1.JobState_JOB_STATE_FAILED, operatorv1.JobState_JOB_STATE_EXPIRED,
		operatorv1.JobState_JOB_STATE_CANCELLED, operatorv1.JobState_JOB_STATE_UNSPECIFIED,
	} {
		if counts[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[s], v.jobLook(s).word))
		}
	}
	return fmt.Sprintf(v.t("%s: %s. %d av %d er klare.", "%s: %s. %d of %d are ready."),
		many(len(n.GetDevices()), v.t("maskin", "device"), v.t("maskiner", "devices")), firstOf(strings.Join(parts, ", ")), n.GetReady(), n.GetTotal())
}

// wrap puts parts on as few lines of width columns as it takes; a part that is wider than the screen is
// broken between words.
func wrap(parts []string, width int) string {
	const sep = " · "
	var b strings.Builder
	used := 0
	put := func(sep, text string) {
		if used > 0 && (width <= 0 || used+table.Width(sep)+table.Width(text) <= width) {
			b.WriteString(sep)
			used += table.Width(sep)
		} else if used > 0 {
			b.WriteByte('\n')
			used = 0
		}
		if width > 0 {
			text = table.Cut(text, width)
		}
		b.WriteString(table.Clean(text))
		used += table.Width(text)
	}
	for _, part := range parts {
		if width <= 0 || table.Width(part) <= width {
			put(sep, part)
			continue
		}
		between := sep
		for _, word := range strings.Fields(part) {
			put(between, word)
			between = " "
		}
	}
	b.WriteByte('\n')
	return b.String()
}
