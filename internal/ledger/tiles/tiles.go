// Package tiles reads and writes the forms of a C2SP tiled transparency log: entry bundles, hash tiles, signed
// checkpoints and inclusion proofs (https://c2sp.org/tlog-tiles, https://c2sp.org/tlog-checkpoint,
// https://c2sp.org/tlog-proof).
//
// It promises: nothing here writes to a folder, so durability is the writer's (package ledger); whatever a proof is made
// of was checked against the checkpoint first, so a damaged tile gives an error and never a wrong proof; files are read
// in bounded memory. Positions are leaf indices, in the order of the log: a leaf's index is its record's seq minus one.
// A Folder holds no state and is safe for concurrent use, while another process writes the folder too: a partial tile
// that vanishes under a reader is found again in its full one.
package tiles

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Width is how many hashes or entries a full tile or bundle holds; Height how many levels of the tree a tile spans.
const (
	Width  = torchwood.TileWidth
	Height = torchwood.TileHeight
)

// EntrySize is the length in bytes of one entry in a bundle: two bytes of length, then the commitment.
const EntrySize = 2 + len(audit.Commitment{})

// LeafHash is the hash of a record's leaf: that of RFC 6962, section 2.1, over the commitment.
func LeafHash(c audit.Commitment) tlog.Hash {
	var b [1 + len(c)]byte
	copy(b[1:], c[:])
	return sha256.Sum256(b[:])
}

// AppendEntry appends a commitment to an entry bundle.
func AppendEntry(bundle []byte, c audit.Commitment) []byte {
	bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(c)))
	return append(bundle, c[:]...)
}

// ParseBundle reads the first w entries of a bundle. Entries before the first malformed one are returned with the error.
func ParseBundle(b []byte, w int) ([]audit.Commitment, error) {
	if w < 0 || w > Width {
		return nil, fmt.Errorf("parse entry bundle: width %d is not one of 0 to %d", w, Width)
	}
	list := make([]audit.Commitment, 0, w)
	for len(list) < w {
		entry, rest, err := torchwood.ReadTileEntry(b)
		if err != nil {
			return list, fmt.Errorf("parse entry bundle: entry %d of %d: %w", len(list), w, err)
		}
		if len(entry) != len(audit.Commitment{}) {
			return list, fmt.Errorf("parse entry bundle: entry %d of %d has %d bytes, want a commitment of 32", len(list), w, len(entry))
		}
		list = append(list, audit.Commitment(entry))
		b = rest
	}
	return list, nil
}

// ParseTile reads the first w hashes of a hash tile.
func ParseTile(b []byte, w int) ([]tlog.Hash, error) {
	if w < 0 || w > Width || len(b) < w*tlog.HashSize {
		return nil, fmt.Errorf("parse tile: %d bytes are not %d hashes", len(b), w)
	}
	list := make([]tlog.Hash, w)
	for i := range list {
		copy(list[i][:], b[i*tlog.HashSize:])
	}
	return list, nil
}

// Path is the place of a tile in the log's folder, with slashes; level -1 is the entry bundle. The width is that of
// a full tile or less.
func Path(level int, n int64, width int) string {
	return torchwood.TilePath(tlog.Tile{H: Height, L: level, N: n, W: width})
}
