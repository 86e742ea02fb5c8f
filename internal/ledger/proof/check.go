package proof

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// What a verdict rests on; the words are those of `tripod verify`.
const (
	AnchoredBoth       = "key+checkpoint"
	AnchoredKey        = "key"
	AnchoredCheckpoint = "checkpoint"
	AnchoredNone       = "none"
)

// Report is the verdict on one file. Its JSON form is stable.
type Report struct {
	Verified   bool     `json:"verified"`
	Anchored   string   `json:"anchored"`
	Statement  string   `json:"statement"` // one sentence for people; quotes what the file says
	Seq        uint64   `json:"seq"`
	Commitment string   `json:"commitment"`
	Tombstone  string   `json:"tombstone,omitempty"` // "erased" or "lost", as the file says
	Type       string   `json:"type,omitempty"`      // of the record, from the bytes that were checked
	Origin     string   `json:"origin,omitempty"`
	LedgerSize uint64   `json:"ledger_size"`          // leaves the checkpoint inside was signed over
	SignedBy   string   `json:"signed_by,omitempty"`  // name and hash of the key that its signature verifies with
	SavedSize  uint64   `json:"saved_size,omitempty"` // leaves the held checkpoint was signed over
	Wrong      []string `json:"wrong"`
	NotChecked []string `json:"not_checked"`
}

// check is one check under way.
type check struct {
	Report
	file       *File
	commitment audit.Commitment
	committed  bool // the commitment can be read
	chain      tiles.Chain
	proofs     map[string][]string // of consistency, by the text of the hand-over
	anchoredBy struct{ key, saved bool }
}

// Check checks a file: that salt and bytes give the commitment, that the record shown is what the bytes say, that the
// commitment is the leaf at its position in the tree of the checkpoint inside, that the key signed that checkpoint, and,
// with a saved checkpoint, that both are of one ledger and agree where they are of one size. From a key that was handed over since,
// hand-overs are followed, those in the file and those that are given: each successor must have signed a tree that begins with the
// one it took over. Without a key the one that the file names serves, which whoever made the file chose. The error is about the key;
// what is wrong with the file is in the report.
func Check(f *File, key string, saved []byte, handOvers ...string) (*Report, error) {
	if key != "" {
		if err := tiles.CheckKey(key); err != nil {
			return nil, err
		}
	}
	c := &check{file: f}
	c.Wrong, c.NotChecked = []string{}, []string{}
	c.Seq, c.Commitment = f.Proof.LeafIndex+1, f.Proof.Commitment
	c.readCommitment()
	c.shown()
	head := c.included()
	if head != nil {
		c.signature(head, key, handOvers)
		c.heldAgainst(head, saved, key)
	}
	c.conclude(head, key)
	return &c.Report, nil
}

func (c *check) wrong(format string, args ...any) {
	c.Wrong = append(c.Wrong, fmt.Sprintf(format, args...))
}

func (c *check) open(format string, args ...any) {
	c.NotChecked = append(c.NotChecked, fmt.Sprintf(format, args...))
}

func (c *check) readCommitment() {
	var err error
	if c.commitment, err = audit.ParseCommitment(c.file.Proof.Commitment); err != nil {
		c.wrong("the commitment cannot be read: want 64 hex digits")
		return
	}
	c.committed = true
}

// shown holds what the file shows against what it proves: salt and bytes against the commitment, the record against the
// bytes.
func (c *check) shown() {
	p := c.file.Proof
	var head struct {
		Seq        *uint64 `json:"seq"`
		Tombstone  string  `json:"tombstone"`
		Commitment string  `json:"commitment"`
	}
	if len(c.file.Record) > 0 {
		if err := json.Unmarshal(c.file.Record, &head); err != nil {
			c.wrong("the record shown is none")
			return
		}
		if head.Seq == nil || *head.Seq != c.Seq {
			c.wrong("the record shown does not bear the position of the leaf, which is %d", c.Seq)
		}
	}
	if p.Salt == "" && p.Canonical == "" {
		if c.Tombstone = head.Tombstone; c.Tombstone == "" {
			c.wrong("salt and bytes of the record are missing: nothing ties what is shown to its commitment")
		} else if !strings.EqualFold(head.Commitment, p.Commitment) {
			c.wrong("the tombstone shown bears another commitment than the proof")
		}
		return
	}
	canonical, err := base64.StdEncoding.DecodeString(p.Canonical)
	salt, saltErr := hex.DecodeString(p.Salt)
	switch {
	case err != nil:
		c.wrong("the bytes of the record are no base64")
	case saltErr != nil || len(salt) != len(audit.Salt{}):
		c.wrong("the salt cannot be read: want %d bytes in hex", len(audit.Salt{}))
	case c.committed && audit.Commit(audit.Salt(salt), canonical) != c.commitment:
		c.wrong("salt and bytes do not give the commitment: the record was altered, or its salt")
	default:
		c.same(canonical)
	}
}

// same wants the record shown to say what the bytes say. Blanks, escapes and the order of names are free: tools change them.
func (c *check) same(canonical []byte) {
	record, err := object(canonical)
	if err != nil {
		c.wrong("the bytes that give the commitment are no record")
		return
	}
	c.Type, _ = record["type"].(string)
	if len(c.file.Record) == 0 {
		return
	}
	shown, err := object(c.file.Record)
	delete(shown, "seq")
	if err != nil || !reflect.DeepEqual(shown, record) {
		c.wrong("the record shown is not what the bytes say that give the commitment")
	}
}

// object reads a JSON object with its numbers as they are spelt.
func object(b []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return nil, err
	}
	if m == nil {
		return nil, errors.New("no object")
	}
	return m, nil
}

// included checks leaf and inclusion, and returns the checkpoint inside, nil where there is none to read.
func (c *check) included() *tiles.Checkpoint {
	p := c.file.Proof
	if c.committed {
		leaf := tiles.LeafHash(c.commitment)
		if p.LeafHash != base64.StdEncoding.EncodeToString(leaf[:]) {
			c.wrong("the leaf hash is not that of the commitment")
		}
	}
	index, hashes, head, err := tiles.ParseProof([]byte(p.TlogProof))
	if err != nil {
		c.wrong("%v", err)
		return nil
	}
	c.Origin, c.LedgerSize = head.Origin, head.Size
	switch {
	case index != p.LeafIndex:
		c.wrong("the tlog-proof is of leaf %d, the file speaks of leaf %d", index, p.LeafIndex)
	case index >= head.Size:
		c.wrong("leaf %d is not in a tree of %d", index, head.Size)
	case c.committed && tlog.CheckRecord(hashes, int64(head.Size), head.Root, int64(index), tiles.LeafHash(c.commitment)) != nil:
		c.wrong("the hashes do not lead from the commitment at leaf %d to the root of the checkpoint of size %d", index, head.Size)
	}
	return &head
}

// heldAgainst compares the checkpoint inside with one from earlier.
func (c *check) heldAgainst(head *tiles.Checkpoint, msg []byte, key string) {
	if msg == nil {
		return
	}
	saved, err := tiles.ParseCheckpoint(msg)
	if err != nil {
		c.wrong("the held checkpoint cannot be read: %v", err)
		return
	}
	c.SavedSize = saved.Size
	if key != "" {
		if _, _, err := c.chain.Open(msg, 0); err != nil {
			c.wrong("the held checkpoint of size %d is not signed by the key %s", saved.Size, tiles.KeyName(key))
			return
		}
	}
	for _, h := range c.chain.Links {
		if h.Tree.N == int64(saved.Size) && h.Tree.Hash != saved.Root {
			c.wrong("the held checkpoint of size %d has another root than the tree that the key %s handed over with: there are two histories", saved.Size, tiles.KeyName(h.Key))
		}
	}
	switch {
	case saved.Origin != head.Origin:
		c.wrong("the held checkpoint is of the ledger %q, the proof of %q", saved.Origin, head.Origin)
	case saved.Size == head.Size && saved.Root != head.Root:
		c.wrong("the held checkpoint of size %d has another root than the one in the proof: there are two histories", saved.Size)
	case saved.Size == head.Size:
		c.anchoredBy.saved = true
	default:
		c.open("that one of the checkpoints of size %d (held) and %d (in the proof) continues the other: that needs the ledger: tripod verify --data DIR --checkpoint SAVED",
			saved.Size, head.Size)
	}
}

// conclude words the verdict.
func (c *check) conclude(head *tiles.Checkpoint, key string) {
	c.Verified = len(c.Wrong) == 0
	switch {
	case c.anchoredBy.key && c.anchoredBy.saved:
		c.Anchored = AnchoredBoth
	case c.anchoredBy.key:
		c.Anchored = AnchoredKey
	case c.anchoredBy.saved:
		c.Anchored = AnchoredCheckpoint
	default:
		c.Anchored = AnchoredNone
	}
	if c.Tombstone != "" {
		c.open("that the record was %s by order: the record that says so stands elsewhere in the ledger, and tripod verify --data DIR looks for it", c.Tombstone)
	}
	if !c.Verified {
		c.Statement = "not verified: " + c.Wrong[0]
		return
	}
	what := fmt.Sprintf("record %d (%s), byte for byte, is leaf %d of %d", c.Seq, c.Type, c.Seq-1, head.Size)
	if c.Tombstone != "" {
		what = fmt.Sprintf("position %d holds no record any more (%s), and its commitment is leaf %d of %d", c.Seq, c.Tombstone, c.Seq-1, head.Size)
	}
	what += " in the ledger " + head.Origin
	if c.anchoredBy.key && c.SignedBy != tiles.KeyName(key) {
		what += fmt.Sprintf("; the key was handed over to %s, which signed: hold %s from now on", c.SignedBy, tiles.KeyName(c.chain.Keys[len(c.chain.Keys)-1]))
	}
	switch c.Anchored {
	case AnchoredBoth:
		c.Statement = fmt.Sprintf("verified against key %s and the held checkpoint: %s", tiles.KeyName(key), what)
	case AnchoredKey:
		c.Statement = fmt.Sprintf("verified against key %s: %s", tiles.KeyName(key), what)
	case AnchoredCheckpoint:
		c.Statement = fmt.Sprintf("verified against the held checkpoint of the same size: %s; without a key nothing is said about who signed", what)
	default:
		c.Statement = fmt.Sprintf("self-consistent, not anchored: %s; give a key held elsewhere", what)
	}
}
