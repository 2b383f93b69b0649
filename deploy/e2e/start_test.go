//go:build linux

package e2e_test

import (
	"net"
	"strings"
	"testing"
)

// TestFirstStartFails finds a port of the control plane taken at its very first start. The error names it,
// and the start that works shows the administrator token, which is shown only once.
func TestFirstStartFails(t *testing.T) {
	beside(t)
	p := preparePlane(t)
	taken, err := net.Listen("tcp", p.address+":8443")
	if err != nil {
		t.Fatal(err)
	}
	p.launch()
	p.server.ended(1)
	if log := tail(p.log()); !strings.Contains(log, "--web "+p.address+":8443") || strings.Contains(log, "login:") {
		t.Errorf("the first start said: %s", log)
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	p.start()
	newBrowser(p).page("/maskiner")
}
