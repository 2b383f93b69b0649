package vendor

import (
	"os"
	"time"
)

// parentEvery is how often a plugin looks whether the program that started it is still there.
const parentEvery = 2 * time.Second

// exitWithParent ends this process when its parent is gone. Where a system keeps showing the id of a
// dead parent (Windows), the host's kill is the only end.
func exitWithParent(parent int) {
	for range time.Tick(parentEvery) {
		if os.Getppid() != parent {
			os.Exit(0)
		}
	}
}
