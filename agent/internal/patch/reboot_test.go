package patch_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/nattevakt/nattevakt/agent/internal/patch"
)

func TestRebootPending(t *testing.T) {
	const running, debian, fedora = "proc/sys/kernel/osrelease", "boot/vmlinuz-", "lib/modules/"
	tests := []struct {
		name   string
		files  map[string]string
		want   bool
		causes []string
	}{
		{name: "nothing"},
		{name: "asked for by packages", want: true, causes: []string{"dbus", "libc6"}, files: map[string]string{
			"run/reboot-required": "*** System restart required ***\n", "run/reboot-required.pkgs": "libc6\ndbus\n\nlibc6\n"}},
		{name: "asked for without a word", want: true, files: map[string]string{"run/reboot-required": ""}},
		{name: "newer kernel", want: true, causes: []string{"kernel 6.1.0-41-amd64"}, files: map[string]string{
			running: "6.1.0-9-amd64\n", debian + "6.1.0-9-amd64": "", debian + "6.1.0-41-amd64": "", debian + "6.1.0-10-amd64": ""}},
		{name: "older kernel kept beside", files: map[string]string{
			running: "6.1.0-41-amd64\n", debian + "6.1.0-9-amd64": "", debian + "6.1.0-41-amd64": ""}},
		{name: "newer kernel of another kind", files: map[string]string{
			running: "6.1.0-9-amd64\n", debian + "6.1.0-9-amd64": "", debian + "6.1.0-41-rt-amd64": "", debian + "6.1.0-41-cloud-amd64": ""}},
		{name: "Fedora", want: true, causes: []string{"kernel 6.11.10-300.fc41.x86_64"}, files: map[string]string{
			running: "6.11.4-301.fc41.x86_64\n", fedora + "6.11.4-301.fc41.x86_64/vmlinuz": "",
			fedora + "6.11.10-300.fc41.x86_64/vmlinuz": "", fedora + "6.12.0-1.fc41.x86_64+debug/vmlinuz": ""}},
		{name: "modules left behind", files: map[string]string{
			running: "6.1.0-9-amd64\n", debian + "6.1.0-9-amd64": "", fedora + "6.1.0-41-amd64/updates/x.ko": ""}},
		{name: "kernel from elsewhere", files: map[string]string{running: "6.1.0-9-amd64\n", debian + "6.1.0-41-amd64": ""}},
		{name: "backport", want: true, causes: []string{"kernel 6.12.9+bpo-amd64"}, files: map[string]string{
			running: "6.1.0-9-amd64\n", debian + "6.1.0-9-amd64": "", debian + "6.12.9+bpo-amd64": ""}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			for name, content := range test.files {
				write(t, filepath.Join(root, name), content)
			}
			got, causes := patch.RebootPending(root)
			if got != test.want || !slices.Equal(causes, test.causes) {
				t.Errorf("got %v %v, want %v %v", got, causes, test.want, test.causes)
			}
		})
	}
}
