// Command report reads `go test -json` on standard input, prints what failed with its output and one line
// a package, and writes the skipped tests with their reasons to the file it is given, and the totals to
// that file's name with .sum added. It exits with 1 if any test failed.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
}

type totals struct{ passed, failed, skipped int }

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: report SKIPS < go-test.json")
		os.Exit(2)
	}
	sum, skips, err := read(os.Stdin)
	if err == nil {
		err = os.WriteFile(os.Args[1], []byte(strings.Join(skips, "")), 0o600)
	}
	if err == nil {
		line := fmt.Sprintf("total: %d passed, %d failed, %d skipped\n", sum.passed, sum.failed, sum.skipped)
		err = os.WriteFile(os.Args[1]+".sum", []byte(line), 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
	if sum.failed > 0 {
		os.Exit(1)
	}
}

func read(in *os.File) (sum totals, skips []string, err error) {
	output := map[string][]string{}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Println("     ", lines.Text()) // a build error, say
			continue
		}
		key := e.Package + "/" + e.Test
		if e.Action == "output" {
			output[key] = append(output[key], e.Output)
			continue
		}
		if e.Test == "" {
			packageDone(e, output[key], &sum)
			continue
		}
		switch e.Action {
		case "pass":
			sum.passed++
		case "fail":
			sum.failed++
			fmt.Printf("      --- %s %s\n%s", short(e.Package), e.Test, indent(output[key]))
		case "skip":
			sum.skipped++
			skips = append(skips, fmt.Sprintf("%s %s: %s\n", short(e.Package), e.Test, why(output[key])))
		}
		delete(output, key)
	}
	slices.Sort(skips)
	return sum, skips, lines.Err()
}

// packageDone prints a package's line; one that fails outside any test (a crash, a build) counts as a failure.
func packageDone(e event, out []string, sum *totals) {
	switch e.Action {
	case "fail":
		sum.failed++
		fmt.Printf("FAIL  %-48s %6.1f s\n%s", short(e.Package), e.Elapsed, indent(out))
	case "pass":
		fmt.Printf("ok    %-48s %6.1f s\n", short(e.Package), e.Elapsed)
	}
}

func short(pkg string) string {
	return strings.TrimPrefix(pkg, "github.com/nattevakt/nattevakt/")
}

// why is the last thing a skipped test said.
func why(out []string) string {
	for _, line := range slices.Backward(out) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "---") || strings.HasPrefix(line, "===") {
			continue
		}
		if _, text, ok := strings.Cut(line, ": "); ok {
			return text
		}
		return line
	}
	return "no reason given"
}

func indent(out []string) string {
	return "        " + strings.ReplaceAll(strings.TrimRight(strings.Join(out, ""), "\n"), "\n", "\n        ") + "\n"
}
