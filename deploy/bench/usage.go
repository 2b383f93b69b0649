//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// usage is what the kernel holds against a process: proc_pid_stat(5), proc_pid_status(5).
type usage struct {
	cpu time.Duration // in steps of 10 ms
	// Bytes in memory now: all, of its own (heap, stacks), and mapped from files, which the kernel can drop.
	rss, anon, file int64
	peak            int64 // most of rss so far
	wakes           int64 // how often its threads have waited for something
}

func usageOf(pid int) (usage, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return usage{}, err
	}
	var u usage
	if u.cpu, err = cpuOf(string(stat)); err != nil {
		return u, err
	}
	status := filepath.Join(dir, "status")
	var errs [4]error
	u.rss, errs[0] = kilobytes(status, "VmRSS")
	u.anon, errs[1] = kilobytes(status, "RssAnon")
	u.file, errs[2] = kilobytes(status, "RssFile")
	u.peak, errs[3] = kilobytes(status, "VmHWM")
	if err := errors.Join(errs[:]...); err != nil {
		return u, err
	}
	u.wakes, err = wakes(dir)
	return u, err
}

// cpuOf reads user and system time out of a stat line. The name in it may hold spaces and parentheses.
func cpuOf(stat string) (time.Duration, error) {
	const tick = 10 * time.Millisecond // USER_HZ is 100 on Linux
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("stat line %.80q is too short", stat)
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("stat: %w", err)
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("stat: %w", err)
	}
	return time.Duration(user+system) * tick, nil
}

func kilobytes(path, name string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSuffix(field(path, name), " kB"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %s: %w", path, name, err)
	}
	return n << 10, nil
}

func wakes(dir string) (int64, error) {
	threads, err := filepath.Glob(filepath.Join(dir, "task", "*", "status"))
	if err != nil {
		return 0, err
	}
	total := int64(0)
	for _, t := range threads {
		n, err := strconv.ParseInt(field(t, "voluntary_ctxt_switches"), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", t, err)
		}
		total += n
	}
	return total, nil
}
