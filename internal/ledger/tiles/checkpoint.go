package tiles

import (
	"errors"
	"fmt"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// maxSize bounds a checkpoint's size: tree arithmetic beyond it would overflow.
const maxSize = 1 << 48

// Checkpoint is the signed head of the log.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   tlog.Hash
	Note   []byte // as signed, with every signature
}

// Tree is the checkpoint's size and root as tlog has them.
func (c Checkpoint) Tree() tlog.Tree { return tlog.Tree{N: int64(c.Size), Hash: c.Root} }

// Sign makes a checkpoint of a tree; the signer's name is its origin. Others may sign with it.
func Sign(signer note.Signer, tree tlog.Tree, others ...note.Signer) (Checkpoint, error) {
	c := torchwood.Checkpoint{Origin: signer.Name(), Tree: tree}
	msg, err := note.Sign(&note.Note{Text: c.String()}, append([]note.Signer{signer}, others...)...)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("sign checkpoint of size %d: %w", tree.N, err)
	}
	return Checkpoint{Origin: c.Origin, Size: uint64(tree.N), Root: tree.Hash, Note: msg}, nil
}

// OpenCheckpoint reads a signed checkpoint and checks that the key signed it and that its origin is the key's name.
// The key is a verifier key of a signed note (https://c2sp.org/signed-note): name+hash+base64.
func OpenCheckpoint(msg []byte, key string) (Checkpoint, error) {
	policy, err := policyOf(key)
	if err != nil {
		return Checkpoint{}, err
	}
	c, _, err := torchwood.VerifyCheckpoint(msg, policy)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("open checkpoint: %w", err)
	}
	return bounded(c, msg)
}

// ParseCheckpoint reads a signed checkpoint without checking any signature.
func ParseCheckpoint(msg []byte) (Checkpoint, error) {
	_, err := note.Open(msg, note.VerifierList())
	var unverified *note.UnverifiedNoteError
	if !errors.As(err, &unverified) {
		return Checkpoint{}, fmt.Errorf("parse checkpoint: %w", err)
	}
	c, err := torchwood.ParseCheckpoint(unverified.Note.Text)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("parse checkpoint: %w", err)
	}
	return bounded(c, msg)
}

func bounded(c torchwood.Checkpoint, msg []byte) (Checkpoint, error) {
	if c.N > maxSize {
		return Checkpoint{}, fmt.Errorf("open checkpoint: size %d is beyond what a ledger can hold", c.N)
	}
	return Checkpoint{Origin: c.Origin, Size: uint64(c.N), Root: c.Hash, Note: msg}, nil
}

// CheckKey tells whether a string is a verifier key of a signed note.
func CheckKey(key string) error {
	_, err := policyOf(key)
	return err
}

// policyOf requires the key's signature and, as origin, its name.
func policyOf(key string) (torchwood.Policy, error) {
	v, err := note.NewVerifier(key)
	if err != nil {
		return nil, fmt.Errorf("read verifier key: %w: want the line of ledger.pub", err)
	}
	return torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(v.Name()), torchwood.SingleVerifierPolicy(v)), nil
}
