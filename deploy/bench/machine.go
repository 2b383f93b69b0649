//go:build linux

package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// machine says what was measured on, in one sentence.
func machine() string {
	return fmt.Sprintf("%s, %d cores seen, %s of memory, Linux %s, %s",
		field("/proc/cpuinfo", "model name"), runtime.NumCPU(), field("/proc/meminfo", "MemTotal"), first("/proc/sys/kernel/osrelease"), runtime.Version())
}

// loadAverage is that of the last minute: how much else the machine did.
func loadAverage() string { return first("/proc/loadavg") }

// field gives a value of a "name: value" file, or "unknown".
func field(path, name string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// first gives a file's first word, or "unknown".
func first(path string) string {
	b, err := os.ReadFile(path)
	if words := strings.Fields(string(b)); err == nil && len(words) > 0 {
		return words[0]
	}
	return "unknown"
}
