//go:build linux

// Command bench measures build, restore and update of a real disk beside the peers that are installed,
// on the same data in the same run, and prints the table of images/BENCH.md:
//
//	go run ./images/internal/bench > images/BENCH.md
//
// Each line is a process of its own, so wall time, CPU time and peak memory are told the same way for
// all. What is written is on disk (fsync) before a line ends.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

func main() {
	dir := flag.String("dir", "", "folder for the data, a new temporary one by default")
	content := flag.Int64("content", 512, "MiB of files on the disk")
	flag.Parse()
	var err error
	if flag.NArg() > 0 {
		err = runPhase(context.Background(), flag.Args())
	} else {
		err = compare(context.Background(), *dir, *content<<20)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// task is one line of the table.
type task struct {
	tool, what string
	need       string // program that must be installed, with its package
	run        []string
	disk       string // whose data is moved
	store      string // folder or file whose size is told
}

func compare(ctx context.Context, dir string, content int64) error {
	if dir == "" {
		temp, err := os.MkdirTemp("", "nattevakt-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temp)
		dir = temp
	}
	old, next := filepath.Join(dir, "old.img"), filepath.Join(dir, "next.img")
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// In a process of its own: what this one has used counts as the peak of its children.
	if _, err := measure(ctx, []string{self, "disks", fmt.Sprint(content), old, next}); err != nil {
		return err
	}
	fmt.Printf(intro, runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), load(), content>>20, dataSize(old)>>20, dataSize(next)>>20)
	fmt.Println("| what | tool | wall s | CPU s | peak MB | data MB/s | kept MB | wall, Nattevakt = 1 |")
	fmt.Println("|---|---|---:|---:|---:|---:|---:|---:|")
	base := map[string]float64{}
	for _, t := range tasks(self, dir, old, next) {
		if err := line(ctx, t, base); err != nil {
			return fmt.Errorf("%s, %s: %w", t.tool, t.what, err)
		}
	}
	return nil
}

const intro = `# How fast, beside whom

Made by ` + "`go run ./images/internal/bench > images/BENCH.md`" + ` on %s/%s with %d cores,
load average %s before the first line: other work on the machine makes wall times longer for all, unevenly. Two disks of GPT and ext4 with real
files of the machine (up to %d MiB, and up to a fifth more; with the file system %d and %d MiB): the second stands for next month's
release, with files added and others moved. Peers get the same disks in the same run; the page cache is warm for
all. "kept" is the store after the step, for an update the bytes taken from the store. Nattevakt's restore and
update stage the chunks on disk first, so that no network is needed once the disk is touched, and read the whole
disk back at the end; the peers do neither.

`

// tasks are in the order in which they need each other's results.
func tasks(self, dir, old, next string) []task {
	in := func(name string) string { return filepath.Join(dir, name) }
	sh := func(script string) []string { return []string{"sh", "-ec", script} }
	casync := "casync --store=" + in("casync.castr") + " "
	fsync := func(path string) string { return " && sync " + path }
	const casyncNeed, zstdNeed = "casync (apt-get install casync)", "zstd (apt-get install zstd)"
	return []task{
		{"Nattevakt", "build", "", []string{self, "build", in("store"), "old", old}, old, in("store")},
		{"casync", "build", casyncNeed, sh(casync + "make " + in("old.caibx") + " " + old + fsync("-f "+dir)), old, in("casync.castr")},
		{"zstd -3 -T0", "build", zstdNeed, sh("zstd -q -f -3 -T0 " + old + " -o " + in("old.zst") + fsync(in("old.zst"))), old, in("old.zst")},
		{"Nattevakt", "build known", "", []string{self, "build", in("store"), "again", old}, old, in("store")},
		{"casync", "build known", casyncNeed, sh(casync + "make " + in("again.caibx") + " " + old + fsync("-f "+dir)), old, in("casync.castr")},
		{"Nattevakt", "build next", "", []string{self, "build", in("store"), "next", next}, next, in("store")},
		{"casync", "build next", casyncNeed, sh(casync + "make " + in("next.caibx") + " " + next + fsync("-f "+dir)), next, in("casync.castr")},
		{"Nattevakt", "restore", "", []string{self, "apply", in("store"), "old", in("disk"), in("stage")}, old, ""},
		{"casync", "restore", casyncNeed, sh("rm -f " + in("c.img") + "; " + casync + "extract " + in("old.caibx") + " " + in("c.img") + fsync(in("c.img"))), old, ""},
		{"zstd + dd", "restore", zstdNeed, sh("zstd -q -dc " + in("old.zst") + " | dd of=" + in("z.img") + " bs=4M iflag=fullblock conv=sparse,fsync status=none"), old, ""},
		{"Nattevakt", "update in place", "", []string{self, "apply", in("store"), "next", in("disk"), in("stage")}, next, in(fetchedNote)},
		{"casync --seed", "update to a new file", casyncNeed, sh(casync + "--seed=" + in("c.img") + " extract " + in("next.caibx") + " " + in("c2.img") + fsync(in("c2.img"))), next, ""},
		{"", "check", "", []string{"cmp", "-n", fmt.Sprint(size(next)), next, in("disk")}, next, ""},
	}
}

func line(ctx context.Context, t task, base map[string]float64) error {
	if program, _, _ := strings.Cut(t.need, " "); t.need != "" && !installed(program) {
		fmt.Printf("| %s | %s | needs %s | | | | | |\n", t.what, t.tool, t.need)
		return nil
	}
	m, err := measure(ctx, t.run)
	if err != nil || t.tool == "" {
		return err
	}
	what, _, _ := strings.Cut(t.what, " to a new")
	what, _, _ = strings.Cut(what, " in place")
	if t.tool == "Nattevakt" {
		base[what] = m.wall
	}
	told := "–"
	if t.store != "" {
		n, err := kept(t.store)
		if err != nil {
			return err
		}
		told = fmt.Sprintf("%.1f", float64(n)/1e6)
	}
	fmt.Printf("| %s | %s | %.2f | %.2f | %.0f | %.0f | %s | %.2f |\n",
		t.what, t.tool, m.wall, m.cpu, m.peak/1e6, float64(dataSize(t.disk))/1e6/m.wall, told, m.wall/base[what])
	return nil
}
