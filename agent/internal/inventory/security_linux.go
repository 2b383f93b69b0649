package inventory

import (
	"fmt"
	"strings"

	nattevaktv1 "github.com/nattevakt/nattevakt/proto/nattevakt/v1"
)

// secureBootVariable is UEFI's global variable SecureBoot (UEFI 2.10, 3.3) as efivarfs shows it: four bytes
// of attributes, then one that is 1 when Secure Boot is in force.
const secureBootVariable = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

func (r root) findSecurity(in *nattevaktv1.Inventory) error {
	in.Security = &nattevaktv1.Security{}
	r.findTPM(in.Security)
	in.Firmware = &nattevaktv1.Firmware{Uefi: r.exists("sys/firmware/efi")}
	state, err := r.secureBoot()
	in.Security.SecureBoot = state
	return err
}

func (r root) findTPM(s *nattevaktv1.Security) {
	names, _ := r.list("sys/class/tpm")
	for _, name := range names {
		if !strings.HasPrefix(name, "tpm") || strings.HasPrefix(name, "tpmrm") {
			continue
		}
		s.TpmPresent = true
		switch r.line("sys/class/tpm/" + name + "/tpm_version_major") {
		case "2":
			s.TpmVersion = "2.0"
		case "1":
			s.TpmVersion = "1.2"
		}
		return
	}
}

// secureBoot is unsupported without UEFI or without the variable, and unspecified where the variables are
// not mounted.
func (r root) secureBoot() (nattevaktv1.SecureBoot, error) {
	if !r.exists("sys/firmware/efi") {
		return nattevaktv1.SecureBoot_SECURE_BOOT_UNSUPPORTED, nil
	}
	if variables, err := r.list("sys/firmware/efi/efivars"); err != nil || len(variables) == 0 {
		return nattevaktv1.SecureBoot_SECURE_BOOT_UNSPECIFIED, optional(err)
	}
	value, err := r.bytes(secureBootVariable)
	switch {
	case err != nil:
		return nattevaktv1.SecureBoot_SECURE_BOOT_UNSUPPORTED, optional(err)
	case len(value) != 5:
		return nattevaktv1.SecureBoot_SECURE_BOOT_UNSPECIFIED, fmt.Errorf("secure boot variable: %d bytes, want 5", len(value))
	case value[4] == 1:
		return nattevaktv1.SecureBoot_SECURE_BOOT_ENABLED, nil
	}
	return nattevaktv1.SecureBoot_SECURE_BOOT_DISABLED, nil
}

// findWriteFilter looks at what is mounted as "/": an overlay forgets all writes at the next start, as the
// write filters of thin clients do.
func (r root) findWriteFilter(in *nattevaktv1.Inventory) error {
	text, err := r.text("proc/mounts")
	in.ThinClient = &nattevaktv1.ThinClient{Traits: rootTraits(text)}
	return err
}

// rootTraits reads /proc/mounts (fstab(5)); the last mount on "/" is the one in force.
func rootTraits(mounts string) (traits []string) {
	for line := range strings.Lines(mounts) {
		field := strings.Fields(line)
		if len(field) < 4 || field[1] != "/" {
			continue
		}
		traits = nil
		if field[2] == "overlay" || field[2] == "aufs" || field[2] == "tmpfs" {
			traits = append(traits, traitWriteFilter)
		}
		if field[3] == "ro" || strings.HasPrefix(field[3], "ro,") || field[2] == "squashfs" {
			traits = append(traits, traitReadOnly)
		}
	}
	return traits
}
