package reading

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/ledger"
	"github.com/tripod-audit/tripod/internal/ledger/proof"
)

// ErrProof says that the ledger does not prove the record that the journal holds.
var ErrProof = errors.New("the proof does not hold")

// Proof is everything needed to check a record against a checkpoint with stock tools; see docs/verify.md.
type Proof = proof.Proof

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

// ProofFile is one position with its proof, both of one moment, as a file that needs nothing else to be checked. Errors
// are those of Proof.
func (r *Reader) ProofFile(ctx context.Context, seq uint64) (*proof.File, error) {
	stored, err := r.parts.Journal.Get(ctx, seq)
	if err != nil {
		return nil, err
	}
	item, err := newItem(&stored[0])
	if err != nil {
		return nil, err
	}
	p, err := prove(ctx, r.parts.Dir, &stored[0])
	if err != nil {
		return nil, err
	}
	return &proof.File{Record: item.JSON(), Proof: p}, nil
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
	out := &Proof{
		Commitment: s.Commitment.String(), LeafHash: base64.StdEncoding.EncodeToString(p.LeafHash[:]), LeafIndex: s.Seq - 1,
		TlogProof: string(p.Text), Key: key,
	}
	for _, l := range p.Links {
		link := proof.Link{Note: l.Note}
		for _, h := range l.Consistency {
			link.Consistency = append(link.Consistency, h.String())
		}
		out.HandOvers = append(out.HandOvers, link)
	}
	if s.Tombstone == nil {
		out.Salt, out.Canonical = hex.EncodeToString(s.Salt[:]), base64.StdEncoding.EncodeToString(s.Bytes)
	}
	return out, nil
}
