package ledger

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// file is one tile or bundle to be written; the path is relative to the ledger's folder, with slashes.
type file struct {
	path  string
	data  []byte
	whole bool // its name appears with all of it or not at all
}

// edge is the right edge of the tree: the tiles being filled, one a level. It is all the writer needs to go on, so that
// appending never reads. It is not safe for concurrent use.
type edge struct {
	size   uint64
	bundle []byte   // entries of the bundle being filled
	levels [][]byte // levels[l] is the tile being filled at level l: less than a full one, possibly empty
}

// append adds a leaf and hands every tile it fills, entry bundle first, to full. The data is the receiver's.
func (e *edge) append(c audit.Commitment, full func(file)) {
	n := int64(e.size / tiles.Width)
	if e.bundle == nil {
		e.bundle = make([]byte, 0, tiles.Width*tiles.EntrySize)
	}
	e.bundle = tiles.AppendEntry(e.bundle, c)
	e.size++
	if e.size%tiles.Width == 0 {
		full(file{path: tiles.Path(tiles.Entries, n, tiles.Width), data: e.bundle})
		e.bundle = nil
	}
	e.push(0, n, tiles.LeafHash(c), full)
}

// push adds a hash to tile n of a level, and the root of a tile it fills to the level above.
func (e *edge) push(level int, n int64, h tlog.Hash, full func(file)) {
	if level == len(e.levels) {
		e.levels = append(e.levels, nil)
	}
	if e.levels[level] == nil {
		e.levels[level] = make([]byte, 0, tiles.Width*tlog.HashSize)
	}
	tile := append(e.levels[level], h[:]...)
	if len(tile) < tiles.Width*tlog.HashSize {
		e.levels[level] = tile
		return
	}
	e.levels[level] = nil
	full(file{path: tiles.Path(level, n, tiles.Width), data: tile})
	e.push(level+1, n/tiles.Width, subtree(tile), full)
}

// subtree is the root over the hashes in data, a power of two of them.
func subtree(data []byte) tlog.Hash {
	if len(data) == tlog.HashSize {
		return tlog.Hash(data)
	}
	half := len(data) / 2
	return tlog.NodeHash(subtree(data[:half]), subtree(data[half:]))
}

// partials are the tiles and the bundle that a checkpoint of the present size needs beside the full ones and that one of
// the old size did not need already: what a checkpoint covers is never written again.
func (e *edge) partials(old uint64) []file {
	var list []file
	add := func(level int, n uint64, data []byte, w int) {
		list = append(list, file{path: tiles.Path(level, int64(n), w), data: data, whole: true})
	}
	if w := len(e.bundle) / tiles.EntrySize; w > 0 && e.size != old {
		add(tiles.Entries, e.size/tiles.Width, e.bundle, w)
	}
	for level, tile := range e.levels {
		shift := tiles.Height * level
		if w := len(tile) / tlog.HashSize; w > 0 && e.size>>shift != old>>shift {
			add(level, e.size>>shift/tiles.Width, tile, w)
		}
	}
	return list
}

// root is the hash of the tree.
func (e *edge) root() (tlog.Hash, error) {
	return tlog.TreeHash(int64(e.size), tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			t := tlog.TileForIndex(tiles.Height, index)
			if t.L >= len(e.levels) {
				return nil, fmt.Errorf("the edge of %d leaves has no level %d", e.size, t.L)
			}
			t.W = len(e.levels[t.L]) / tlog.HashSize
			h, err := tlog.HashFromTile(t, e.levels[t.L], index)
			if err != nil {
				return nil, fmt.Errorf("the edge of %d leaves: %w", e.size, err)
			}
			hashes[i] = h
		}
		return hashes, nil
	}))
}

// loadEdge reads the right edge of a tree from its folder and holds it against the checkpoint.
func loadEdge(f tiles.Folder, c tiles.Checkpoint) (*edge, error) {
	e := &edge{size: c.Size}
	for level := 0; c.Size>>(tiles.Height*level) > 0; level++ {
		count := c.Size >> (tiles.Height * level)
		tile := make([]byte, 0, tiles.Width*tlog.HashSize)
		if w := int(count % tiles.Width); w > 0 {
			hashes, err := f.Hashes(level, int64(count/tiles.Width), w)
			if err != nil {
				return nil, err
			}
			for _, h := range hashes {
				tile = append(tile, h[:]...)
			}
		}
		e.levels = append(e.levels, tile)
	}
	root, err := e.root()
	if err != nil {
		return nil, err
	}
	if root != c.Root {
		return nil, fmt.Errorf("the tiles at the right edge give root %v, the checkpoint of size %d has %v", root, c.Size, c.Root)
	}
	return e, e.loadBundle(f)
}

// loadBundle reads the entry bundle being filled and holds it against the tile over it.
func (e *edge) loadBundle(f tiles.Folder) error {
	w := int(e.size % tiles.Width)
	if w == 0 {
		return nil
	}
	list, err := f.Commitments(int64(e.size/tiles.Width), w)
	if err != nil {
		return err
	}
	e.bundle = make([]byte, 0, tiles.Width*tiles.EntrySize)
	for i, c := range list {
		if tiles.LeafHash(c) != tlog.Hash(e.levels[0][i*tlog.HashSize:(i+1)*tlog.HashSize]) {
			return fmt.Errorf("entry %d of %s is not the leaf its tile holds", i, tiles.Path(tiles.Entries, int64(e.size/tiles.Width), w))
		}
		e.bundle = tiles.AppendEntry(e.bundle, c)
	}
	return nil
}
