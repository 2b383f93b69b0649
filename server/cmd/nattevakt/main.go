// Command nattevakt is the control plane (serve) and the command line for those who run schools' machines
// with it. The commands for people are package operatorcli; what is here is the control plane's own start.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/nattevakt/nattevakt/server/internal/operatorcli"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cli := operatorcli.New(operatorcli.System(), operatorcli.Settings{Version: version(), StoreFile: storeFile}, os.Args[1:])
	cli.Add(newServeCommand(), newLoginCommand(), newVendorCommand(), newSimCommand())
	return cli.Run(ctx)
}

// stamped is set by the linker (-X main.stamped=1.2.3) in packages that are given to others.
var stamped string

// version names this program: the stamp, else the commit that Go has put into the binary.
func version() string {
	if stamped != "" {
		return stamped
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "dev"
	}
	set := map[string]string{}
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	commit := set["vcs.revision"]
	if commit == "" {
		return "dev"
	}
	v := "dev-" + commit[:min(12, len(commit))]
	if set["vcs.modified"] == "true" {
		v += "+changes"
	}
	return v
}
