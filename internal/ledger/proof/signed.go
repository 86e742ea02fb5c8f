package proof

import (
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// maxLinks bounds how many hand-overs a file may hold: each costs four signatures.
const maxLinks = 1000

// signature checks who signed the checkpoint inside, and from a key that was handed over whether its successors were entitled to.
func (c *check) signature(head *tiles.Checkpoint, key string, handOvers []string) {
	given := key != ""
	if !given {
		key = c.file.Proof.Key
		if tiles.CheckKey(key) != nil {
			c.open("the signature of the checkpoint: no key was given and the file names none")
			return
		}
	}
	c.follow(key, handOvers)
	_, signer, err := c.chain.Open(head.Note, c.chain.Held)
	if err != nil {
		c.notSigned(head, key)
		return
	}
	c.SignedBy = tiles.KeyName(c.chain.Keys[signer])
	// The verdict of a second implementation, which read the text itself.
	if err := tiles.CheckProof(c.chain.Keys[signer], c.commitment, []byte(c.file.Proof.TlogProof)); err != nil && len(c.Wrong) == 0 {
		c.wrong("%v", err)
	}
	for i, h := range c.chain.Links {
		c.continues(head, h, i >= c.chain.Held && i < signer)
	}
	c.anchoredBy.key = given
	if !given {
		c.open("who signed: the key %s is what the file says of itself; give one held elsewhere with --key", c.SignedBy)
	}
}

// follow gathers hand-overs. Of two by one key nobody can tell here which one stands.
func (c *check) follow(key string, handOvers []string) {
	c.proofs = make(map[string][]string)
	c.chain = tiles.NewChain(key, nil)
	notes := slices.Clone(handOvers)
	if len(c.file.Proof.HandOvers) > maxLinks {
		c.wrong("the file holds more than %d hand-overs", maxLinks)
		return
	}
	for _, l := range c.file.Proof.HandOvers {
		notes = append(notes, l.Note)
	}
	next := make(map[string]string)
	for _, note := range notes {
		h, err := tiles.ParseHandOver([]byte(note))
		if err != nil {
			c.wrong("%v", err)
			continue
		}
		if other, ok := next[h.Key]; ok && other != h.Text() {
			c.wrong("the key %s handed over twice: one of the hand-overs is not by who held the key then", tiles.KeyName(h.Key))
		}
		next[h.Key] = h.Text()
	}
	for _, l := range c.file.Proof.HandOvers {
		if h, err := tiles.ParseHandOver([]byte(l.Note)); err == nil {
			c.proofs[h.Text()] = l.Consistency
		}
	}
	c.chain = tiles.NewChain(key, notes)
}

// notSigned says why a checkpoint does not count.
func (c *check) notSigned(head *tiles.Checkpoint, key string) {
	for i, k := range c.chain.Keys {
		if _, err := tiles.OpenCheckpoint(head.Note, k); err != nil {
			continue
		}
		if i < c.chain.Held {
			c.wrong("the checkpoint of size %d is signed by the key %s, which handed over to the key given, %s: check it with the key of the time, or ask for the proof anew",
				head.Size, tiles.KeyName(k), tiles.KeyName(key))
			return
		}
		c.wrong("the checkpoint of size %d is signed by the key %s, after it had handed over at %d records", head.Size, tiles.KeyName(k), c.chain.Links[i].Tree.N)
		return
	}
	c.wrong("the checkpoint of size %d is not signed by the key %s: it was altered, or another key signed it", head.Size, tiles.KeyName(key))
}

// continues holds the tree of the checkpoint inside against the one of a hand-over, which it must begin with. Whether that is shown
// at all matters where the new key is trusted for the old one's word alone.
func (c *check) continues(head *tiles.Checkpoint, h tiles.HandOver, must bool) {
	size := h.Tree.N
	switch {
	case size > int64(head.Size):
		if must {
			c.wrong("the key %s signed %d records, of before it took over at %d", c.SignedBy, head.Size, size)
		}
		return
	case size == int64(head.Size):
		if h.Tree.Hash != head.Root {
			c.wrong("the key %s handed over at another tree of %d records: there are two histories", tiles.KeyName(h.Key), size)
		}
		return
	case size == 0:
		return
	}
	hashes, shown := c.proofs[h.Text()]
	if !shown && !must {
		return
	}
	proof := make(tlog.TreeProof, len(hashes))
	for i, text := range hashes {
		var err error
		if proof[i], err = tlog.ParseHash(text); err != nil {
			c.wrong("the hashes that lead on from the hand-over at %d records cannot be read", size)
			return
		}
	}
	if tlog.CheckTree(proof, int64(head.Size), head.Root, size, h.Tree.Hash) != nil {
		c.wrong("nothing shows that the tree of %d records which the key %s handed over with is the beginning of that of %d: what was before may have been rewritten",
			size, tiles.KeyName(h.Key), head.Size)
	}
}
