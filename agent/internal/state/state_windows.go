package state

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// onlySystem is a protected DACL (nothing inherited from above): full access for SYSTEM, administrators
// and the owner, inherited by everything below. Security Descriptor Definition Language, MS-DTYP 2.5.1.
const onlySystem = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;OW)"

// Protect gives a file or folder to SYSTEM, administrators and the owner alone.
func Protect(path string) error {
	sd, err := windows.SecurityDescriptorFromString(onlySystem)
	if err != nil {
		return fmt.Errorf("security descriptor: %w", err)
	}
	dacl, _, err := sd.DACL()
	if err != nil {
		return fmt.Errorf("security descriptor: %w", err)
	}
	err = windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, dacl, nil)
	if err != nil {
		return fmt.Errorf("close %s to other users: %w", path, err)
	}
	return nil
}
