//go:build unix

package vendors

import (
	"os/exec"
	"syscall"
)

// ownGroup puts what cmd starts into a process group, so that it can be killed as a whole, and so that a
// Ctrl-C at the terminal reaches the control plane alone.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func killGroup(cmd *exec.Cmd) {
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // gone already is as good
	}
}
