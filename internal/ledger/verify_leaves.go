package ledger

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// leafTile is one tile's worth of leaves as the journal has them.
type leafTile struct {
	n     int64
	have  int // positions taken in, with a leaf or without
	leaf  [tiles.Width]audit.Commitment
	hash  [tiles.Width]tlog.Hash
	known [tiles.Width]bool // the journal has something there
}

func (t *leafTile) take(c audit.Commitment) {
	t.leaf[t.have], t.hash[t.have], t.known[t.have] = c, tiles.LeafHash(c), true
	t.have++
}

func (t *leafTile) skip() {
	t.leaf[t.have], t.hash[t.have], t.known[t.have] = audit.Commitment{}, tlog.Hash{}, false
	t.have++
}

func (t *leafTile) reset(n int64) { t.n, t.have = n, 0 }

// seq is the position of the i-th leaf.
func (t *leafTile) seq(i int) uint64 { return uint64(t.n)*tiles.Width + uint64(i) + 1 }

// tally is what comparing brings up: a worker's share of it, or the whole.
type tally struct {
	findings
	healed  bool // at least one leaf or hash is not the journal's own but the one the ledger has there
	keep    bool // keep damages
	damages []damage
}

// damage is a file of the ledger that is not as it should be, with what it should be according to the journal, whose
// word counts only if the whole gives the checkpoint's root.
type damage struct {
	file
	absent bool // missing or malformed, rather than different
}

// maxDamages bounds the files mended at once.
const maxDamages = 256

func (t *tally) mend(absent bool, f file) {
	if t.keep && len(t.damages) < maxDamages {
		t.damages = append(t.damages, damage{f, absent})
	}
}

func (t *tally) mendHashes(level int, n int64, list []tlog.Hash, absent bool) {
	data := make([]byte, 0, len(list)*tlog.HashSize)
	for _, h := range list {
		data = append(data, h[:]...)
	}
	t.mend(absent, file{path: tiles.Path(level, n, len(list)), data: data, whole: true})
}

func (t *tally) mendEntries(n int64, list []audit.Commitment, absent bool) {
	data := make([]byte, 0, len(list)*tiles.EntrySize)
	for _, c := range list {
		data = tiles.AppendEntry(data, c)
	}
	t.mend(absent, file{path: tiles.Path(tiles.Entries, n, len(list)), data: data, whole: true})
}

// unreadable reports a tile or bundle that is missing or malformed.
func (t *tally) unreadable(kind string, level int, n int64, w int, err error) {
	each := span(max(level, 0))
	first := uint64(n)*tiles.Width*each + 1
	last := first + uint64(w)*each - 1
	file := place(level, n, w)
	t.add(Finding{Kind: kind, File: file, First: first, Last: last,
		Text: fmt.Sprintf("%s, over records %d to %d, cannot be read: %v", file, first, last, err)})
}

// merge takes in a worker's share.
func (t *tally) merge(o *tally) {
	for _, f := range o.list {
		t.add(f)
	}
	t.omitted += o.omitted
	t.failed = t.failed || o.failed
	t.healed = t.healed || o.healed
	t.damages = append(t.damages, o.damages[:min(len(o.damages), maxDamages-len(t.damages))]...)
}

// compareLeaves holds the first w leaves of a tile against the stored tile and its entry bundle, and puts the ledger's
// leaf wherever the journal has none or a wrong one, so that the rest of the tree can still be checked.
func (v *verifier) compareLeaves(into *tally, t *leafTile, w int, buf *[2][]byte) {
	if v.same(t, w, buf) {
		return
	}
	hashes, err := v.folder.Hashes(0, t.n, w)
	if err != nil {
		into.unreadable(KindTileUnreadable, 0, t.n, w, err)
	}
	entries, entriesErr := v.folder.Commitments(t.n, w)
	if entriesErr != nil {
		into.unreadable(KindEntriesUnreadable, tiles.Entries, t.n, w, entriesErr)
	}
	c := comparison{v: v, into: into, tile: t, w: w, hashes: hashes, entries: entries}
	c.right = c.judge()
	c.run()
	if c.badTile || err != nil {
		into.mendHashes(0, t.n, t.hash[:w], err != nil)
	}
	if c.badEntries || entriesErr != nil {
		if c.lostEntry {
			return // nobody knows what one of the entries was
		}
		into.mendEntries(t.n, t.leaf[:w], entriesErr != nil)
	}
}

// same is the common case, without anything to throw away: the stored tile and bundle hold just what the journal has.
func (v *verifier) same(t *leafTile, w int, buf *[2][]byte) bool {
	var err [2]error
	buf[0], err[0] = v.folder.Read(0, t.n, w, buf[0])
	buf[1], err[1] = v.folder.Read(tiles.Entries, t.n, w, buf[1])
	if err[0] != nil || err[1] != nil {
		return false
	}
	for i := range w {
		entry := buf[1][i*tiles.EntrySize : (i+1)*tiles.EntrySize]
		if !t.known[i] || tlog.Hash(buf[0][i*tlog.HashSize:]) != t.hash[i] ||
			entry[0] != 0 || entry[1] != byte(len(t.leaf[i])) || audit.Commitment(entry[2:]) != t.leaf[i] {
			return false
		}
	}
	return true
}

// comparison works out which of journal, tile and bundle was altered, leaf by leaf.
type comparison struct {
	v          *verifier
	into       *tally
	tile       *leafTile
	w          int
	hashes     []tlog.Hash        // nil where the tile cannot be read
	entries    []audit.Commitment // fewer than w where the bundle is malformed
	right      side
	around     map[tlog.Hash]uint64 // seq by leaf hash, of this tile and its neighbours; made when needed
	badTile    bool
	badEntries bool
	lostEntry  bool
}

func (c *comparison) judge() side {
	if c.w < tiles.Width {
		return c.v.judgeEdge(c.tile.hash[:c.w])
	}
	return c.v.judge(0, c.tile.n, c.hashes, c.tile.hash[:])
}

func (c *comparison) run() {
	for i := range c.w {
		entry, entryOK := c.entry(i)
		switch {
		case !c.tile.known[i]:
			c.fill(i, entry, entryOK)
		case c.hashes == nil:
			switch {
			case !entryOK || entry == c.tile.leaf[i]:
			case c.right == own:
				c.badEntry(i, entry)
			default:
				c.record(i, tiles.LeafHash(entry))
				c.tile.leaf[i] = entry
			}
		case c.hashes[i] == c.tile.hash[i]:
			if entryOK && entry != c.tile.leaf[i] {
				c.badEntry(i, entry)
			}
		default:
			c.differ(i, entry, entryOK)
		}
	}
}

func (c *comparison) entry(i int) (audit.Commitment, bool) {
	if i < len(c.entries) {
		return c.entries[i], true
	}
	return audit.Commitment{}, false
}

// differ: the journal's record and the stored tile disagree.
func (c *comparison) differ(i int, entry audit.Commitment, entryOK bool) {
	withJournal := entryOK && entry == c.tile.leaf[i]
	withTile := entryOK && tiles.LeafHash(entry) == c.hashes[i]
	if c.right == own || c.right == unknown && withJournal {
		c.badTile = true
		c.into.add(Finding{Kind: KindTileAltered, First: c.tile.seq(i), Last: c.tile.seq(i), File: place(0, c.tile.n, c.w),
			Expected: c.tile.hash[i].String(), Found: c.hashes[i].String()})
		if entryOK && !withJournal {
			c.badEntry(i, entry)
		}
		return
	}
	own := c.tile.leaf[i]
	c.record(i, c.hashes[i])
	if !entryOK {
		c.lostEntry = true
		return
	}
	if withTile {
		c.tile.leaf[i] = entry
		return
	}
	c.lostEntry = true
	with := "neither with the tile nor with the journal"
	if entry == own {
		with = "with the journal's altered record"
	}
	c.into.add(Finding{Kind: KindEntryAltered, First: c.tile.seq(i), Last: c.tile.seq(i), File: place(tiles.Entries, c.tile.n, c.w),
		Found: entry.String(), Text: fmt.Sprintf("%s: the entry of record %d was altered: it agrees %s", place(tiles.Entries, c.tile.n, c.w), c.tile.seq(i), with)})
}

// record reports that the journal's record is not the ledger's leaf, and puts the leaf's hash in its place.
func (c *comparison) record(i int, leaf tlog.Hash) {
	seq := c.tile.seq(i)
	f := Finding{Kind: KindRecordAltered, First: seq, Last: seq, Expected: leaf.String(), Found: c.tile.hash[i].String()}
	if other, ok := c.place(c.tile.hash[i]); ok {
		f.Kind, f.shift = KindRecordMoved, int64(other)-int64(seq)
	}
	c.into.add(f)
	c.tile.hash[i] = leaf
	c.into.healed = true
}

func (c *comparison) badEntry(i int, entry audit.Commitment) {
	c.badEntries = true
	c.into.add(Finding{Kind: KindEntryAltered, First: c.tile.seq(i), Last: c.tile.seq(i), File: place(tiles.Entries, c.tile.n, c.w),
		Expected: c.tile.leaf[i].String(), Found: entry.String()})
}

// fill puts the ledger's leaf where the journal has none.
func (c *comparison) fill(i int, entry audit.Commitment, entryOK bool) {
	c.into.healed = true
	switch {
	case c.hashes != nil:
		c.tile.hash[i] = c.hashes[i]
		if entryOK && tiles.LeafHash(entry) == c.hashes[i] {
			c.tile.leaf[i] = entry
			return
		}
		c.lostEntry = true
		if entryOK {
			c.into.add(Finding{Kind: KindEntryAltered, First: c.tile.seq(i), Last: c.tile.seq(i), File: place(tiles.Entries, c.tile.n, c.w), Found: entry.String(),
				Text: fmt.Sprintf("%s: the entry of record %d, which the journal lacks, is not the leaf in the tile", place(tiles.Entries, c.tile.n, c.w), c.tile.seq(i))})
		}
	case entryOK:
		c.tile.leaf[i], c.tile.hash[i] = entry, tiles.LeafHash(entry)
	default:
		c.lostEntry = true
	}
}

// place finds where the ledger has a leaf, among the positions of this tile and its neighbours.
func (c *comparison) place(h tlog.Hash) (uint64, bool) {
	if c.around == nil {
		c.around = make(map[tlog.Hash]uint64, 3*tiles.Width)
		for n := max(c.tile.n-1, 0); n <= c.tile.n+1; n++ {
			w := c.v.width(0, n)
			if w == 0 {
				break
			}
			hashes, err := c.v.folder.Hashes(0, n, w)
			if err != nil {
				continue
			}
			for i, h := range hashes {
				c.around[h] = uint64(n)*tiles.Width + uint64(i) + 1
			}
		}
	}
	seq, ok := c.around[h]
	return seq, ok
}

// compareOldEntries holds the shorter bundles that earlier checkpoints left at the edge against the present one.
func (v *verifier) compareOldEntries(t *leafTile, w int) {
	widths, err := v.folder.Widths(tiles.Entries, t.n)
	if err != nil {
		return
	}
	for _, old := range widths {
		if old >= w {
			continue
		}
		list, err := v.folder.Commitments(t.n, old)
		if err != nil {
			v.unreadable(KindEntriesUnreadable, tiles.Entries, t.n, old, err)
			v.mendEntries(t.n, t.leaf[:old], true)
			continue
		}
		for i := range list {
			if tiles.LeafHash(list[i]) != t.hash[i] {
				v.add(Finding{Kind: KindEntryAltered, First: t.seq(i), Last: t.seq(i), File: place(tiles.Entries, t.n, old), Found: list[i].String()})
				v.mendEntries(t.n, t.leaf[:old], false)
				break
			}
		}
	}
}
