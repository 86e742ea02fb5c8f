package tiles

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// StatementPrefix is how a signed note (https://c2sp.org/signed-note) begins that is no checkpoint: the first line of a checkpoint is
// the ledger's origin, which never does.
const StatementPrefix = "tripod-"

// OpenStatement returns the text of a statement that the verifier key signed.
func OpenStatement(msg []byte, key string) (string, error) {
	v, err := note.NewVerifier(key)
	if err != nil {
		return "", fmt.Errorf("read verifier key: %w: want the line of ledger.pub", err)
	}
	n, err := note.Open(msg, note.VerifierList(v))
	if err != nil {
		return "", fmt.Errorf("open a statement: %w", err)
	}
	if !strings.HasPrefix(n.Text, StatementPrefix) {
		return "", errors.New("open a statement: it is something else that was signed")
	}
	return n.Text, nil
}

const handOverHead = "tripod-handover/v1"

// HandOver is what a signing key says of its successor: from the checkpoint of this size and root on, Next signs.
type HandOver struct {
	Origin string
	Key    string // verifier key of the one that hands over
	Next   string
	Tree   tlog.Tree
}

// Text is what both keys sign.
func (h HandOver) Text() string {
	return fmt.Sprintf("%s\n%s\n%s\n%s\n%d\n%s\n", handOverHead, h.Origin, h.Key, h.Next, h.Tree.N, h.Tree.Hash)
}

// ParseHandOver reads a hand-over, which both keys must have signed: the old one to name its successor, the new one to show
// that somebody holds it.
func ParseHandOver(note []byte) (HandOver, error) {
	var h HandOver
	lines := strings.SplitN(string(note), "\n", 7)
	if len(lines) < 7 || lines[0] != handOverHead {
		return h, errors.New("read hand-over: it is none")
	}
	h.Origin, h.Key, h.Next = lines[1], lines[2], lines[3]
	for _, key := range []string{h.Key, h.Next} {
		if text, err := OpenStatement(note, key); err != nil || !strings.HasPrefix(text, handOverHead+"\n") {
			return h, fmt.Errorf("read hand-over: the key %s did not sign it", KeyName(key))
		}
		if name, _, _ := strings.Cut(key, "+"); name != h.Origin {
			return h, fmt.Errorf("read hand-over: the key %s is not of the ledger %s", KeyName(key), h.Origin)
		}
	}
	size, err := strconv.ParseInt(lines[4], 10, 48)
	if err != nil || size < 0 {
		return h, errors.New("read hand-over: it names no size")
	}
	h.Tree.N = size
	if h.Tree.Hash, err = tlog.ParseHash(lines[5]); err != nil {
		return h, errors.New("read hand-over: it names no root")
	}
	if h.Text() != strings.Join(lines[:6], "\n")+"\n" {
		return h, errors.New("read hand-over: it is none")
	}
	return h, nil
}

// Chain is the keys of a ledger, in the order in which they took over, as its hand-overs tell.
type Chain struct {
	Keys  []string
	Links []HandOver // Links[i] leads from Keys[i] to Keys[i+1]
	Held  int        // the index of the key that is held
}

// NewChain finds what a key that is held belongs to: its successors, and those it took over from. A hand-over that cannot be read is
// passed over, and of two by one key the later one.
func NewChain(key string, handOvers []string) Chain {
	c := Chain{Keys: []string{key}}
	var list []HandOver
	for _, text := range handOvers {
		if h, err := ParseHandOver([]byte(text)); err == nil {
			list = append(list, h)
		}
	}
	for {
		last := c.Keys[len(c.Keys)-1]
		i := slices.IndexFunc(list, func(h HandOver) bool { return h.Key == last && !slices.Contains(c.Keys, h.Next) })
		if i < 0 {
			break
		}
		c.Keys, c.Links = append(c.Keys, list[i].Next), append(c.Links, list[i])
	}
	for {
		first := c.Keys[0]
		i := slices.IndexFunc(list, func(h HandOver) bool { return h.Next == first && !slices.Contains(c.Keys, h.Key) })
		if i < 0 {
			return c
		}
		c.Keys, c.Links, c.Held = slices.Insert(c.Keys, 0, list[i].Key), slices.Insert(c.Links, 0, list[i]), c.Held+1
	}
}

// Open opens a checkpoint that a key of the chain was entitled to sign, and tells which: up to its hand-over, and none before the first one given.
// Whether it signed for a tree smaller than the one it took over is for the caller to see.
func (c *Chain) Open(msg []byte, first int) (head Checkpoint, signer int, err error) {
	for i := first; i < len(c.Keys); i++ {
		head, failed := OpenCheckpoint(msg, c.Keys[i])
		switch {
		case failed == nil && i < len(c.Links) && head.Size > uint64(c.Links[i].Tree.N):
			err = fmt.Errorf("the key %s signed %d records, after it had handed over at %d", KeyName(c.Keys[i]), head.Size, c.Links[i].Tree.N)
		case failed == nil:
			return head, i, nil
		case err == nil:
			err = failed
		}
	}
	return Checkpoint{}, 0, err
}

// KeyName is the part of a verifier key that people compare: its name and its hash.
func KeyName(vkey string) string {
	parts := strings.SplitN(vkey, "+", 3)
	return strings.Join(parts[:min(len(parts), 2)], "+")
}
