package bolt

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"syscall"

	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/nattevakt/nattevakt/server/internal/store"
)

// guarded runs f, which reads the mapped file, in this goroutine. bbolt trusts the file: a bad page ends
// in a failed assertion or in a memory fault that would end the process. Both become ErrDamaged.
func guarded(path string, f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = damaged(path, fmt.Sprint(cause))
		}
	}()
	return f()
}

// damaged says what is wrong with the file and the way out.
func damaged(path, what string) error {
	return fmt.Errorf("%w: %s: %s: stop the control plane and run 'nattevakt restore' with the newest backup", store.ErrDamaged, path, what)
}

// fullError gives store.ErrFull with a hint where cause is lack of room, else nil. bbolt flattens some
// system errors to text, so the text is looked at too.
func fullError(path string, cause error) error {
	if errors.Is(cause, bolterrors.ErrMaxSizeReached) {
		return fmt.Errorf("%w: %s has reached its greatest size: raise the limit", store.ErrFull, path)
	}
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(cause, errno) || strings.HasSuffix(cause.Error(), errno.Error()) {
			return fmt.Errorf("%w: write %s: %w: make room on its disk; nothing was lost and work goes on by itself", store.ErrFull, path, errno)
		}
	}
	return nil
}
