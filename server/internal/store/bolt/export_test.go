package bolt

import "os"

// OpenUpgrading is Open with other upgrades than the program's.
func OpenUpgrading(path string, ups []Upgrade) (*Store, error) {
	return openUpgrading(path, Options{}, ups)
}

// File is the open file, for tests that break it.
func (s *Store) File() *os.File { return s.file }
