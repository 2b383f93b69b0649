package operatorcli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/nattevakt/nattevakt/server/internal/operatorcli/table"
)

// columns is the width to fit: what COLUMNS says, else the terminal's; 0 is no limit.
func (c *CLI) columns() int {
	if n, err := strconv.Atoi(c.host.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	columns, _ := c.host.Screen()
	return columns
}

func (c *CLI) terminal() bool {
	columns, _ := c.host.Screen()
	return columns > 0 && c.host.Getenv("TERM") != "dumb"
}

// paint follows no-color.org.
func (c *CLI) paint() table.Paint {
	return table.Paint(c.terminal() && c.host.Getenv("NO_COLOR") == "")
}

// show writes the answer: msg as JSON where that was asked for, else what text writes.
func (c *CLI) show(msg proto.Message, text func(io.Writer) error) error {
	if !c.flags.json {
		return text(c.host.Stdout)
	}
	b, err := marshal(msg)
	if err != nil {
		return err
	}
	return c.writeJSON(b)
}

// showPlain is show for an answer that is not the contract's.
func (c *CLI) showPlain(answer any, text func(io.Writer) error) error {
	if !c.flags.json {
		return text(c.host.Stdout)
	}
	b, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return c.writeJSON(b)
}

func (c *CLI) writeJSON(b []byte) error {
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		return err
	}
	out.WriteByte('\n')
	_, err := c.host.Stdout.Write(out.Bytes())
	return err
}

// writeJSONLine is for answers that come one after the other.
func (c *CLI) writeJSONLine(msg proto.Message) error {
	b, err := marshal(msg)
	if err != nil {
		return err
	}
	_, err = c.host.Stdout.Write(append(b, '\n'))
	return err
}

// marshal gives compact JSON that is the same for the same message: protojson varies its white space on
// purpose. Fields without a value are there, so that scripts need not tell 0 from absent.
func marshal(msg proto.Message) ([]byte, error) {
	b, err := protojson.MarshalOptions{EmitUnpopulated: true}.Marshal(msg)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Compact(&out, b); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// done is show for a change that worked: one line.
func (c *CLI) done(msg proto.Message, format string, args ...any) error {
	return c.show(msg, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, table.Clean(fmt.Sprintf(format, args...)))
		return err
	})
}

// writeTable fits t to the screen; a table without rows is the sentence instead.
func (c *CLI) writeTable(w io.Writer, t table.Table, none string) error {
	if len(t.Rows) == 0 {
		_, err := fmt.Fprintln(w, none)
		return err
	}
	return t.Write(w, c.columns(), c.paint())
}

// fact is a name and what there is to say under it.
type fact struct {
	name  string
	value table.Cell
}

// writeFacts writes names and facts in two columns; facts that do not fit go on below themselves.
func (c *CLI) writeFacts(w io.Writer, facts []fact) error {
	indent := 0
	for _, f := range facts {
		indent = max(indent, table.Width(f.name)+2)
	}
	width := max(20, c.columns()-indent)
	if c.columns() == 0 {
		width = math.MaxInt
	}
	var b bytes.Buffer
	for _, f := range facts {
		name, gap := f.name, indent-table.Width(f.name)
		for line := range strings.Lines(filled(strings.Fields(table.Clean(f.value.Text)), width)) {
			line = strings.TrimSuffix(line, "\n")
			fmt.Fprintf(&b, "%s%*s%s\n", c.paint().Text(table.Dim, name), gap, "", c.paint().Text(f.value.Style, table.Cut(line, width)))
			name, gap = "", indent
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}
