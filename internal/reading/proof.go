package reading

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/ledger"
)

// ErrProof says that the ledger does not prove the record that the journal holds.
var ErrProof = errors.New("the proof does not hold")

// Proof is everything needed to check a record against a checkpoint with stock tools; see docs/verify.md. Its JSON form
// is what `tripod record --proof` prints.
type Proof struct {
	Salt       string `json:"salt,omitempty"`       // hex; "" for a tombstone
	Commitment string `json:"commitment"`           // hex: SHA-256("tripod/record/v1" ‖ salt ‖ canonical bytes), the leaf data
	LeafHash   string `json:"leaf_hash"`            // base64: RFC 6962
	LeafIndex  uint64 `json:"leaf_index"`           // seq − 1
	Canonical  string `json:"canonical,omitempty"`  // base64 of the canonical bytes; "" for a tombstone
	TlogProof  string `json:"tlog_proof"`           // https://c2sp.org/tlog-proof, with the checkpoint inside
	Key        string `json:"verifier_key_in_data"` // the data directory's word for it; hold one from elsewhere
}

// Proof makes the proof of one position and checks it. The error wraps journal.ErrNotFound where there is no such record,
// ErrProof where the proof does not hold, or is a *ledger.NotCoveredError where no checkpoint covers the record yet. No
// view is needed.
func (r *Reader) Proof(ctx context.Context, seq uint64) (*Proof, error) {
	stored, err := r.parts.Journal.Get(ctx, seq)
	if err != nil {
		return nil, err
	}
	return prove(ctx, r.parts.Dir, &stored[0])
}

func prove(ctx context.Context, dir string, s *journal.Stored) (*Proof, error) {
	p, err := ledger.Prove(ctx, dir, s.Seq)
	if err != nil {
		return nil, err
	}
	key, err := ledger.ReadKey(dir)
	if err != nil {
		return nil, err
	}
	if err := ledger.CheckProof(key, s.Commitment, p.Text); err != nil {
		return nil, fmt.Errorf("record %d: %w: %w: run tripod verify", s.Seq, ErrProof, err)
	}
	proof := &Proof{
		Commitment: s.Commitment.String(), LeafHash: base64.StdEncoding.EncodeToString(p.LeafHash[:]), LeafIndex: s.Seq - 1,
		TlogProof: string(p.Text), Key: key,
	}
	if s.Tombstone == nil {
		proof.Salt, proof.Canonical = hex.EncodeToString(s.Salt[:]), base64.StdEncoding.EncodeToString(s.Bytes)
	}
	return proof, nil
}
