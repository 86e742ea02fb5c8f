package ledger

import (
	"encoding/base64"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// tree is verification's own build of the Merkle tree, from the roots of leaf tiles up. It shares nothing with the
// writer's edge but the hash of a node.
type tree struct {
	v      *verifier
	first  uint64        // leaves taken from the stored tiles, a multiple of the tile width
	leaves uint64        // leaves taken in so far, a multiple of the tile width
	levels [][]tlog.Hash // levels[l] are the hashes so far of the tile being filled at level l+1
}

// span is how many leaves one hash at a level stands for.
func span(level int) uint64 { return 1 << (tiles.Height * level) }

// start sets the tree up, with the stored tiles' hashes for what is not to be recomputed. Where those cannot be read it
// starts at the beginning.
func (t *tree) start(v *verifier) {
	*t = tree{v: v}
	first := min(max(v.opts.From, 1)-1, v.size) / tiles.Width * tiles.Width
	var levels [][]tlog.Hash
	for level := 1; first/span(level) > 0; level++ {
		count := first / span(level)
		n, w := int64(count/tiles.Width), int(count%tiles.Width)
		var list []tlog.Hash
		if w > 0 {
			stored, err := v.folder.Hashes(level, n, v.width(level, n))
			if err != nil {
				return
			}
			list = stored[:w]
		}
		levels = append(levels, list)
	}
	t.first, t.leaves, t.levels = first, first, levels
}

// width is how many hashes tile n of a level has in the ledger's tree; none beyond its end.
func (v *verifier) width(level int, n int64) int {
	count, before := v.size/span(level), uint64(n)*tiles.Width
	if count <= before {
		return 0
	}
	return int(min(count-before, tiles.Width))
}

// push takes in the root of the next leaf tile.
func (t *tree) push(root tlog.Hash) {
	t.leaves += tiles.Width
	t.pushAt(1, root)
}

func (t *tree) pushAt(level int, h tlog.Hash) {
	if level > len(t.levels) {
		t.levels = append(t.levels, nil)
	}
	list := append(t.levels[level-1], h)
	if len(list) < tiles.Width {
		t.levels[level-1] = list
		return
	}
	t.levels[level-1] = list[:0]
	n := int64(t.leaves/span(level+1)) - 1
	if t.v.width(level, n) == tiles.Width {
		t.v.compareHashes(level, n, list)
	}
	t.pushAt(level+1, perfect(list))
}

// perfect is the root over a power of two of hashes.
func perfect(list []tlog.Hash) tlog.Hash {
	if len(list) == 1 {
		return list[0]
	}
	half := len(list) / 2
	return tlog.NodeHash(perfect(list[:half]), perfect(list[half:]))
}

// rootOver folds the right edge of a tree into its root: lists[0] are the leaf hashes of its last tile, lists[l] the
// hashes of the last tile at level l, each less than a full tile. See RFC 6962, section 2.1.
func rootOver(lists [][]tlog.Hash) tlog.Hash {
	var root tlog.Hash
	some := false
	for _, list := range lists {
		for end := len(list); end > 0; {
			k := end & -end
			h := perfect(list[end-k : end])
			if some {
				h = tlog.NodeHash(h, root)
			}
			root, some = h, true
			end -= k
		}
	}
	if !some {
		root, _ = tlog.TreeHash(0, nil) // the empty tree's root is defined, there is nothing to read
	}
	return root
}

// edge is the right edge of the tree with further leaves behind it.
func (t *tree) edge(tail []tlog.Hash) [][]tlog.Hash {
	return append([][]tlog.Hash{tail}, t.levels...)
}

// storedRoot is the root the stored tiles of the right edge give.
func storedRoot(f tiles.Folder, size uint64) (tlog.Hash, error) {
	var lists [][]tlog.Hash
	for level := 0; size/span(level) > 0; level++ {
		count := size / span(level)
		var list []tlog.Hash
		if w := int(count % tiles.Width); w > 0 {
			var err error
			if list, err = f.Hashes(level, int64(count/tiles.Width), w); err != nil {
				return tlog.Hash{}, err
			}
		}
		lists = append(lists, list)
	}
	return rootOver(lists), nil
}

// confirmed reports whether the stored tiles above tile n of a level, up to the checkpoint, have this root for it.
func (v *verifier) confirmed(level int, n int64, root tlog.Hash) bool {
	for v.edgeFits {
		i := n % tiles.Width
		level, n = level+1, n/tiles.Width
		w := v.width(level, n)
		hashes, err := v.folder.Hashes(level, n, w)
		if err != nil || hashes[i] != root {
			return false
		}
		if w < tiles.Width {
			return true // part of the edge
		}
		root = perfect(hashes)
	}
	return false
}

// side is who is right when the stored tile and the tree recomputed from the journal differ.
type side int

const (
	unknown side = iota
	stored       // the checkpoint confirms the stored tile
	own          // the checkpoint confirms what was recomputed
)

// judge decides it for a full tile.
func (v *verifier) judge(level int, n int64, storedHashes, recomputed []tlog.Hash) side {
	switch {
	case storedHashes != nil && v.confirmed(level, n, perfect(storedHashes)):
		return stored
	case v.confirmed(level, n, perfect(recomputed)):
		return own
	}
	return unknown
}

// compareHashes holds a full tile above the leaves against the stored one. Where the stored one is right the tree goes
// on with it, so that one difference is found once.
func (v *verifier) compareHashes(level int, n int64, list []tlog.Hash) {
	have, err := v.folder.Hashes(level, n, tiles.Width)
	if err != nil {
		v.unreadable(KindTileUnreadable, level, n, tiles.Width, err)
		v.mendHashes(level, n, list, true)
		return
	}
	for i := range list {
		if list[i] == have[i] {
			continue
		}
		v.explainHashes(level, n, list, have, v.judge(level, n, have, list))
		return
	}
}

func (v *verifier) explainHashes(level int, n int64, list, have []tlog.Hash, right side) {
	file := place(level, n, len(list))
	for i := range list {
		if list[i] == have[i] {
			continue
		}
		first := (uint64(n)*tiles.Width+uint64(i))*span(level) + 1
		f := Finding{First: first, Last: first + span(level) - 1, File: file, Expected: list[i].String(), Found: have[i].String()}
		if right == stored {
			f.Kind, f.Expected, f.Found = KindRecordAltered, f.Found, f.Expected
			f.Text = fmt.Sprintf("records %d to %d: journal, entry bundle and tiles below agree, but not with %s, which the checkpoint confirms: they were altered together",
				f.First, f.Last, file)
			list[i] = have[i]
			v.healed = true
		} else {
			f.Kind = KindTileAltered
		}
		v.add(f)
	}
	if right != stored {
		v.mendHashes(level, n, list, false)
	}
}

// atSize holds the right edge against the stored one and the checkpoint; the tree has taken in all full leaf tiles of the
// ledger, and tail is the last, partial one, nil where there is none.
func (v *verifier) atSize(tail *leafTile) {
	w := int(v.size % tiles.Width)
	var leaves []tlog.Hash
	if w > 0 {
		v.compareLeaves(&v.tally, tail, w, new([2][]byte))
		leaves = tail.hash[:w]
	}
	right := v.judgeEdge(leaves)
	for i, list := range v.tree.levels {
		v.comparePartial(i+1, list, right)
	}
	root := rootOver(v.tree.edge(leaves))
	v.root = &root
	v.compareOld(leaves)
	if w > 0 {
		v.compareOldEntries(tail, w)
	}
	if v.head != nil && root != v.head.Root {
		v.add(Finding{Kind: KindCheckpointRoot, First: 1, Last: v.size, File: checkpointFile,
			Expected: base64.StdEncoding.EncodeToString(v.head.Root[:]), Found: base64.StdEncoding.EncodeToString(root[:]),
			Text: fmt.Sprintf("records 1 to %d do not hash to the checkpoint's root: journal and tiles, or the checkpoint, were altered", v.size)})
	}
}

// judgeEdge decides for the partial tiles, which have no tile above them.
func (v *verifier) judgeEdge(leaves []tlog.Hash) side {
	switch {
	case v.edgeFits:
		return stored
	case v.head != nil && rootOver(v.tree.edge(leaves)) == v.head.Root:
		return own
	}
	return unknown
}

func (v *verifier) comparePartial(level int, list []tlog.Hash, right side) {
	if len(list) == 0 {
		return
	}
	n := int64(v.size / span(level+1))
	have, err := v.folder.Hashes(level, n, len(list))
	if err != nil {
		v.unreadable(KindTileUnreadable, level, n, len(list), err)
		v.mendHashes(level, n, list, true)
		return
	}
	for i := range list {
		if list[i] != have[i] {
			v.explainHashes(level, n, list, have, right)
			return
		}
	}
}

// compareOld holds the narrower partial tiles that earlier checkpoints left at the edge against the present one.
func (v *verifier) compareOld(leaves []tlog.Hash) {
	for level, list := range v.tree.edge(leaves) {
		n := int64(v.size / span(level+1))
		widths, err := v.folder.Widths(level, n)
		if err != nil {
			continue
		}
		for _, w := range widths {
			if w >= len(list) {
				continue // the present one was compared; a wider one is beyond the checkpoint
			}
			have, err := v.folder.Hashes(level, n, w)
			if err != nil {
				v.unreadable(KindTileUnreadable, level, n, w, err)
				v.mendHashes(level, n, list[:w], true)
				continue
			}
			for i := range have {
				if have[i] != list[i] {
					v.explainHashes(level, n, list[:w], have, own)
					break
				}
			}
		}
	}
}

// checkSaved holds the tree of the held checkpoint's size against its root.
func (v *verifier) checkSaved(root tlog.Hash) {
	if root == v.saved.Root {
		return
	}
	v.add(Finding{Kind: KindSavedRoot, First: 1, Last: v.saved.Size,
		Expected: base64.StdEncoding.EncodeToString(v.saved.Root[:]), Found: base64.StdEncoding.EncodeToString(root[:]),
		Text: fmt.Sprintf("records 1 to %d do not hash to the root of the held checkpoint: the ledger was rewritten since", v.saved.Size)})
}

// place is a ledger file's path in the data directory.
func place(level int, n int64, w int) string { return ledgerDir + "/" + tiles.Path(level, n, w) }
