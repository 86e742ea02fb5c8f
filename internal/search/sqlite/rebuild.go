package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/tripod-audit/tripod/internal/search"
)

// The folders a rebuild works in, beside the index: what is being built, what is complete and only needs renaming, and
// what it replaces.
const (
	buildingSuffix = ".building"
	completeSuffix = ".complete"
	replacedSuffix = ".replaced"
)

// Rebuild builds the index in a folder anew from a follower that begins at position 1, up to position last, and puts it in
// the old one's place. Until then the old one is untouched; a crash at any point leaves either, whole. The index must not
// be open for writing; readers go on reading the old one until they open it again. progress, if not nil, is told the
// position reached, from the calling goroutine.
func Rebuild(ctx context.Context, dir string, f search.Follower, last uint64, progress func(position uint64)) error {
	if err := finishSwap(dir); err != nil {
		return err
	}
	building := dir + buildingSuffix
	if err := os.RemoveAll(building); err != nil {
		return fmt.Errorf("rebuild search: %w", err)
	}
	ix, err := Open(ctx, building)
	if err != nil {
		return fmt.Errorf("rebuild search: %w", err)
	}
	if err := errors.Join(ix.fill(ctx, f, last, progress), ix.Close()); err != nil {
		return errors.Join(fmt.Errorf("rebuild search: %w", err), os.RemoveAll(building))
	}
	if err := os.Rename(building, dir+completeSuffix); err != nil {
		return fmt.Errorf("rebuild search: %w", err)
	}
	return finishSwap(dir)
}

// rebuildBatch is how many entries a rebuild applies at once.
const rebuildBatch = 8192

func (ix *Index) fill(ctx context.Context, f search.Follower, last uint64, progress func(uint64)) error {
	var batch []search.Entry
	for at := uint64(0); at < last; {
		page, err := f.Next(ctx)
		if err != nil {
			return err
		}
		for _, e := range page {
			if e.Seq <= last {
				batch = append(batch, e)
				at = e.Seq
			}
		}
		if len(batch) < rebuildBatch && at < last {
			continue
		}
		if err := ix.Apply(ctx, batch); err != nil {
			return err
		}
		batch = batch[:0]
		if progress != nil {
			progress(at)
		}
	}
	return nil
}

// finishSwap puts a complete rebuild in the index's place; it also ends a swap that a crash cut short.
func finishSwap(dir string) error {
	complete, replaced := dir+completeSuffix, dir+replacedSuffix
	if _, err := os.Stat(complete); errors.Is(err, fs.ErrNotExist) {
		return os.RemoveAll(replaced)
	} else if err != nil {
		return fmt.Errorf("swap search index: %w", err)
	}
	// Whatever a crash left of an earlier swap: if the index itself is there, it is the old one.
	if _, err := os.Stat(dir); err == nil {
		if err := errors.Join(os.RemoveAll(replaced), os.Rename(dir, replaced)); err != nil {
			return fmt.Errorf("swap search index: %w", err)
		}
	}
	if err := os.Rename(complete, dir); err != nil {
		return fmt.Errorf("swap search index: %w", err)
	}
	return os.RemoveAll(replaced)
}
