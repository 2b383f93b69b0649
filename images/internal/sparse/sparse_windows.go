package sparse

import (
	"errors"
	"os"
)

func seekData(*os.File, int64) (int64, error) { return 0, errors.ErrUnsupported }

// Punch is not supported: the caller writes zeroes.
func Punch(*os.File, int64, int64) error { return errors.ErrUnsupported }

// DropCache does nothing: Windows has no call for it on an open file.
func DropCache(*os.File) error { return nil }
