package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	kardianos "github.com/kardianos/service"
)

// unit is the systemd unit, with the command line at %s. The agent reads all of the machine and writes its
// state folder; a target disk, where one is given, is why the file system stays writable.
const unit = `[Unit]
Description=%s
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=%s
Restart=always
RestartSec=10
TimeoutStopSec=60
StateDirectory=nattevakt-agent
StateDirectoryMode=0700
UMask=0077
NoNewPrivileges=yes
PrivateTmp=yes
ProtectHome=yes
ProtectClock=yes
RestrictRealtime=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
`

// Unit is the systemd unit that runs the program at path exe with the agent's flags.
func Unit(exe string, args []string) string {
	words := []string{quote(exe), Argument}
	for _, arg := range args {
		words = append(words, quote(arg))
	}
	return fmt.Sprintf(unit, description, strings.Join(words, " "))
}

// quote makes one word of a command line (systemd.syntax(7), systemd.service(5) "Command lines"): quotes
// and backslashes are escaped, and the percent and dollar signs that systemd would replace are doubled.
func quote(word string) string {
	escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "$", "$$", "\n", `\n`).Replace(word)
	if escaped == word && word != "" && !strings.ContainsAny(word, " \t'") {
		return word
	}
	return `"` + escaped + `"`
}

// options hands the finished unit over as a template without any place to fill in.
func options(args []string) (kardianos.KeyValue, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text := Unit(exe, args)
	if strings.Contains(text, "{{") {
		return nil, errors.New("flags and paths must not hold {{")
	}
	return kardianos.KeyValue{"SystemdScript": text}, nil
}

func supported() error {
	if kardianos.Platform() != "linux-systemd" {
		return errors.New("service: this machine does not run systemd; start \"nattevakt-agent run\" from its own init system")
	}
	return nil
}

func refine() ([]string, error) { return nil, nil }

// Run runs work until the service manager stops the service: systemd sends SIGTERM.
func Run(work func(context.Context) error) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return work(ctx)
}
