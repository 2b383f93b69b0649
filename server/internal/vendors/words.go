package vendors

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"

	"github.com/nattevakt/nattevakt/plugins/vendor"
)

// keepWords is how much is kept of what a plugin writes, in bytes.
const keepWords = 1024

// lastWords keeps the end of what a plugin writes to its standard error, and logs it for those who look
// for mistakes in a plugin.
type lastWords struct {
	log *slog.Logger

	// mu guards kept.
	mu   sync.Mutex
	kept []byte
}

func (w *lastWords) Write(b []byte) (int, error) {
	w.mu.Lock()
	w.kept = append(w.kept, b...)
	w.kept = bytes.Clone(w.kept[max(0, len(w.kept)-keepWords):])
	w.mu.Unlock()
	w.log.Debug("vendor plugin says", "text", vendor.Clip(string(b)))
	return len(b), nil
}

// String is the last line, which in most cases is the reason.
func (w *lastWords) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(w.kept)), "\n")
	return vendor.Clip(strings.ToValidUTF8(lines[len(lines)-1], ""))
}
