package operatorcli

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// progressBar shows long work on a terminal; elsewhere it does nothing.
type progressBar struct{ b *progressbar.ProgressBar }

// bar begins one for total bytes.
func (c *CLI) bar(what string, total int64) progressBar {
	return progressBar{progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(c.host.Stderr),
		progressbar.OptionSetVisibility(c.host.Bars && !c.flags.json),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(true),
		progressbar.OptionSetWidth(24),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)}
}

// Write counts what passes.
func (p progressBar) Write(b []byte) (int, error) {
	_ = p.b.Add(len(b)) // it can only fail to draw
	return len(b), nil
}

// set moves the bar to done of total.
func (p progressBar) set(done, total int64) {
	if p.b.GetMax64() != total {
		p.b.ChangeMax64(total)
	}
	_ = p.b.Set64(done)
}

func (p progressBar) end() { _ = p.b.Finish() }
