// Command misbehave is a vendor plugin that does wrong what its file name says, for the host's tests.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/nattevakt/nattevakt/plugins/vendor"
)

// behaviours are what a copy of this program does at its start, by the name of the copy; a name that is
// not here serves a plugin.
var behaviours = map[string]func(){
	"crashatstart": func() { fmt.Fprintln(os.Stderr, "cannot find my licence"); os.Exit(3) },
	"neverstarts":  forever,
	"chatters":     func() { fmt.Println("hello"); forever() },
	"parent":       parent,
	"future":       future,
}

func main() {
	name := strings.TrimPrefix(filepath.Base(os.Args[0]), "nattevakt-vendor-")
	if f := behaviours[name]; f != nil {
		f()
	}
	vendor.Serve(fake{name})
}

// parent starts a child that inherits its output and never ends, and then does not start.
func parent() {
	child := exec.Command("/bin/sleep", "3600")
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	if err := child.Start(); err != nil {
		panic(err)
	}
	fmt.Fprintf(os.Stderr, "child %d\n", child.Process.Pid)
	forever()
}

func forever() { time.Sleep(24 * time.Hour) }

// future speaks only a version of the contract that does not exist yet.
func future() {
	v := vendor.Plugins(fake{"future"})[vendor.ProtocolVersion]
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  vendor.ClientConfig(nil, [32]byte{}).HandshakeConfig,
		VersionedPlugins: map[int]plugin.PluginSet{99: v},
		GRPCServer:       func(o []grpc.ServerOption) *grpc.Server { return grpc.NewServer(o...) },
	})
}

// fake is a plugin that serves, and misbehaves when it is asked.
type fake struct{ name string }

func (f fake) Info(context.Context) (vendor.Info, error) {
	info := vendor.Info{Name: f.name, Version: "1", Vendors: []string{"Test"}}
	switch f.name {
	case "impostor":
		info.Name = "dell"
	case "anyvendor":
		info.Vendors = nil
	case "environment":
		info.Version = vendor.Clip(fmt.Sprint(os.Environ()))
	}
	return info, nil
}

func (f fake) Identify(ctx context.Context, h vendor.Hardware) (vendor.Identity, error) {
	switch f.name {
	case "crashes":
		if h.ModelKey == "CRASH" {
			panic("index out of range, say")
		}
	case "hangs":
		forever()
	case "freezes":
		if h.ModelKey == "FREEZE" {
			_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) // cannot fail
			forever()
		}
	case "slow":
		select {
		case <-time.After(time.Hour):
		case <-ctx.Done():
		}
		return vendor.Identity{}, ctx.Err()
	case "liar":
		return vendor.Identity{ModelKey: "X"}, nil
	case "huge":
		return vendor.Identity{Mine: true, Name: string(bytes.Repeat([]byte("x"), 8<<20))}, nil
	}
	if h.Vendor != "Test" {
		return vendor.Identity{}, nil
	}
	return vendor.Identity{Mine: true, ModelKey: h.ModelKey, Name: h.Product}, nil
}

func (f fake) Index(_ context.Context, path string) (vendor.Indexed, error) {
	switch f.name {
	case "hangsatindex":
		forever()
	case "badcatalogue":
		return vendor.Indexed{}, fmt.Errorf("%w: %s: is a web page", vendor.ErrCatalogue, path)
	}
	return vendor.Indexed{Models: 1, Files: []vendor.File{{Name: filepath.Base(path), Packs: 1}}}, nil
}

func (f fake) Find(_ context.Context, q vendor.Query) (vendor.Answer, error) {
	if f.name == "badcatalogue" {
		return vendor.Answer{}, vendor.ErrNoCatalogue
	}
	p := vendor.Pack{
		ID: "p1", Name: "pack", URL: "https://vendor.example/p1.exe", SHA256: strings.Repeat("ab", 32), Format: "exe",
		Target: q.Target, Kind: vendor.Full,
	}
	if f.name == "wrongpack" {
		p.SHA256 = "none"
	}
	return vendor.Answer{Known: true, Pack: &p, Rules: []vendor.Rule{vendor.OnlyOne}}, nil
}
