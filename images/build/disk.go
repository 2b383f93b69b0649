package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	diskfs "github.com/diskfs/go-diskfs"
	"github.com/diskfs/go-diskfs/disk"
	"github.com/diskfs/go-diskfs/partition/gpt"
)

// DiskOptions say what disk MakeDisk makes. The zero value of a field is a sensible choice.
type DiskOptions struct {
	Path string // of the new file; required
	// NoDebian makes a disk of files even where mmdebstrap is there.
	NoDebian bool
	// Suite is the Debian release, "bookworm" by default. Packages come from the mirrors that
	// mmdebstrap knows.
	Suite string
	// Roots are the folders whose files a disk of files holds; by default those of this system's
	// programs and data.
	Roots []string
	// Content bounds the bytes of files on a disk of files, 96 MiB by default.
	Content int64
}

// Fixed names keep disks alike from one build to the next.
const (
	diskGUID      = "6e617474-6576-616b-7400-000000000001"
	partitionGUID = "6e617474-6576-616b-7400-000000000002"
	rootUUID      = "6e617474-6576-616b-7400-000000000003"
	hashSeed      = "6e617474-6576-616b-7400-000000000004"

	sector    = 512
	rootStart = 1 << 20 // bytes before the root partition
	gptTail   = 1 << 20 // bytes kept for the backup table
)

// MakeDisk makes a disk image to try things with: GPT with one ext4 root partition. It holds a minimal
// Debian, made by mmdebstrap and mke2fs, where those are there, this process is root and a mirror
// answers; else real files of this machine, written in Go alone. The disk of files boots nothing; both
// are real content. It gives the path of the disk and what is on it, in one sentence.
func MakeDisk(ctx context.Context, o DiskOptions) (path, description string, err error) {
	if o.Path == "" {
		return "", "", errors.New("make disk: no path")
	}
	why := errors.New("not wanted")
	if !o.NoDebian {
		if description, why = makeDebian(ctx, o); why == nil {
			return o.Path, description, nil
		}
		if ctx.Err() != nil {
			return "", "", ctx.Err()
		}
	}
	description, err = makeFiles(ctx, o)
	if err != nil {
		return "", "", fmt.Errorf("make disk: %w", errors.Join(err, removeIfThere(o.Path)))
	}
	return o.Path, fmt.Sprintf("%s (no Debian: %v)", description, why), nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// newDisk makes a sparse file with an empty partition table's worth of room around a root partition of
// rootSize bytes, and writes the table.
func newDisk(path string, rootSize int64) (*disk.Disk, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if err := removeIfThere(path); err != nil {
		return nil, err
	}
	d, err := diskfs.Create(path, rootStart+rootSize+gptTail, diskfs.SectorSize512)
	if err != nil {
		return nil, err
	}
	table := &gpt.Table{
		ProtectiveMBR: true, LogicalSectorSize: sector, PhysicalSectorSize: sector, GUID: diskGUID,
		Partitions: []*gpt.Partition{{
			Index: 1, Start: rootStart / sector, Size: uint64(rootSize),
			Type: gpt.LinuxFilesystem, Name: "root", GUID: partitionGUID,
		}},
	}
	if err := d.Partition(table); err != nil {
		return nil, errors.Join(fmt.Errorf("write partition table: %w", err), d.Close())
	}
	return d, nil
}
