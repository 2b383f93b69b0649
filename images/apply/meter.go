package apply

import "sync"

// meter counts for Progress. Its methods may be called by several goroutines at once.
type meter struct {
	report Progress
	total  int64

	mu      sync.Mutex // protects what follows, and calls report one at a time
	done    int64
	fetched int64
}

func newMeter(report Progress, total int64) *meter {
	if report == nil {
		report = func(int64, int64, int64) {}
	}
	return &meter{report: report, total: total}
}

func (m *meter) add(done, fetched int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += done
	m.fetched += fetched
	m.report(m.done, m.total, m.fetched)
}
