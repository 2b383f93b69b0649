package footprint_test

import (
	"os"
	"strings"
	"testing"

	"github.com/nattevakt/nattevakt/agent/internal/footprint"
)

// resident reads how much of the program file is in memory, in kB.
func resident(t *testing.T) (kb int) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "RssFile:"); ok {
			for _, c := range strings.TrimSpace(rest) {
				if c < '0' || c > '9' {
					break
				}
				kb = kb*10 + int(c-'0')
			}
		}
	}
	return kb
}

func TestShrinkLetsGoOfCodeAndGoesOn(t *testing.T) {
	before := resident(t)
	footprint.Shrink()
	if after := resident(t); after >= before {
		t.Errorf("%d kB of the program in memory, before %d kB", after, before)
	}
}
