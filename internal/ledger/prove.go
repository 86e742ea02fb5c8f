package ledger

import (
	"context"
	"fmt"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// NotCoveredError says that no checkpoint covers a record yet.
type NotCoveredError struct {
	Seq  uint64
	Size uint64 // leaves the present checkpoint was signed over
}

func (e *NotCoveredError) Error() string {
	return fmt.Sprintf("record %d is not yet covered by a checkpoint, the last one has %d records: a running tripod signs one within a second", e.Seq, e.Size)
}

// Proof shows that a record's leaf is in the ledger.
type Proof struct {
	Seq      uint64
	LeafHash tlog.Hash  // of the record's commitment, as RFC 6962 hashes leaves
	Head     Checkpoint // what it was proved against
	Text     []byte     // the whole as https://c2sp.org/tlog-proof has it
	Links    []Link     // the hand-overs of the signing key up to the one that signed, oldest first
}

// Link is a hand-over of the ledger's key, with the proof that the tree it names is the beginning of the one proved against.
type Link struct {
	Note        string
	Consistency []tlog.Hash // RFC 6962, section 2.1.2; none where the trees are of one size, or the earlier one is empty
}

// Prove proves a record's leaf against the present checkpoint, from the tiles alone. It checks the tiles against the
// checkpoint, and the checkpoint against nothing: whoever is shown the proof does that, with CheckProof or another tool.
// The error is a *NotCoveredError where the record came after the checkpoint.
func Prove(ctx context.Context, dir string, seq uint64) (*Proof, error) {
	f, head, err := readHead(dir)
	if err != nil {
		return nil, fmt.Errorf("prove record %d: %w", seq, err)
	}
	if seq < 1 {
		return nil, fmt.Errorf("prove record %d: positions start at 1", seq)
	}
	if seq > head.Size {
		return nil, fmt.Errorf("prove record: %w", &NotCoveredError{Seq: seq, Size: head.Size})
	}
	p, leaf, err := f.Inclusion(ctx, head, seq-1)
	if err != nil {
		return nil, fmt.Errorf("prove record %d: %w", seq, err)
	}
	links, err := proveLinks(ctx, f, dir, head)
	if err != nil {
		return nil, fmt.Errorf("prove record %d: %w", seq, err)
	}
	return &Proof{Seq: seq, LeafHash: leaf, Head: head, Text: tiles.FormatProof(head, seq-1, p), Links: links}, nil
}

func proveLinks(ctx context.Context, f tiles.Folder, dir string, head Checkpoint) (links []Link, err error) {
	list, err := HandOvers(dir)
	if err != nil {
		return nil, err
	}
	for _, note := range list {
		l := Link{Note: note}
		h, err := tiles.ParseHandOver([]byte(note))
		if err != nil || uint64(h.Tree.N) > head.Size {
			continue // for verification to tell of
		}
		if l.Consistency, err = f.Consistency(ctx, head, uint64(h.Tree.N), head.Size); err != nil {
			return nil, err
		}
		links = append(links, l)
	}
	return links, nil
}

// CheckProof checks a proof with the verifier key and the commitment of the record it is said to be of.
func CheckProof(key string, c audit.Commitment, proof []byte) error {
	return tiles.CheckProof(key, c, proof)
}

// Consistency proves, from the tiles, that the ledger of the newer size begins with that of the older one, neither
// beyond the present checkpoint. The proof is that of RFC 6962, section 2.1.2.
func Consistency(ctx context.Context, dir string, older, newer uint64) ([]tlog.Hash, error) {
	f, head, err := readHead(dir)
	if err != nil {
		return nil, fmt.Errorf("prove consistency: %w", err)
	}
	return f.Consistency(ctx, head, older, newer)
}

func readHead(dir string) (tiles.Folder, Checkpoint, error) {
	f := tiles.Folder(filepath.Join(dir, ledgerDir))
	msg, err := f.ReadCheckpoint()
	if err != nil {
		return "", Checkpoint{}, err
	}
	head, err := tiles.ParseCheckpoint(msg)
	return f, head, err
}

// Head reads the last signed checkpoint of a data directory, from any process, and checks its signature against nothing.
func Head(dir string) (Checkpoint, error) {
	_, head, err := readHead(dir)
	if err != nil {
		return head, fmt.Errorf("read checkpoint: %w", err)
	}
	return head, nil
}
