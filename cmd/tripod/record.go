package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/ledger"
)

type recordCommand struct {
	dataFlag
	Seq   uint64 `arg:"" help:"Position in the journal."`
	JSON  bool   `help:"Print one JSON object."`
	Proof bool   `help:"Add what proves that the record is in the ledger."`
}

// proofJSON is everything needed to check a record against a checkpoint with stock tools; see docs/verify.md.
type proofJSON struct {
	Salt       string `json:"salt,omitempty"`       // hex
	Commitment string `json:"commitment"`           // hex: SHA-256("tripod/record/v1" ‖ salt ‖ canonical bytes), the leaf data
	LeafHash   string `json:"leaf_hash"`            // base64: RFC 6962
	LeafIndex  uint64 `json:"leaf_index"`           // seq − 1
	Canonical  string `json:"canonical,omitempty"`  // base64 of the canonical bytes
	TlogProof  string `json:"tlog_proof"`           // https://c2sp.org/tlog-proof, with the checkpoint inside
	Key        string `json:"verifier_key_in_data"` // the data directory's word for it; hold one from elsewhere
}

func (c *recordCommand) Run(ctx context.Context, std streams) (err error) {
	r, err := app.OpenJournal(ctx, c.Data) // a record and its proof need no view
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	stored, err := r.Get(ctx, c.Seq)
	if errors.Is(err, journal.ErrNotFound) {
		return wanting{err}
	}
	if err != nil {
		return err
	}
	var proof *proofJSON
	if c.Proof {
		if proof, err = prove(ctx, c.Data, &stored[0]); err != nil {
			return err
		}
	}
	if c.JSON {
		return printJSON(std.out, struct {
			Record json.RawMessage `json:"record"`
			Proof  *proofJSON      `json:"proof,omitempty"`
		}{recordJSON(&stored[0]), proof})
	}
	return c.print(std, &stored[0], proof)
}

func prove(ctx context.Context, dir string, s *journal.Stored) (*proofJSON, error) {
	p, err := ledger.Prove(ctx, dir, s.Seq)
	if err != nil {
		return nil, err
	}
	key, err := ledger.ReadKey(dir)
	if err != nil {
		return nil, err
	}
	if err := ledger.CheckProof(key, s.Commitment, p.Text); err != nil {
		return nil, wanting{fmt.Errorf("the proof of record %d does not hold: %w: run tripod verify", s.Seq, err)}
	}
	proof := &proofJSON{
		Commitment: s.Commitment.String(), LeafHash: base64.StdEncoding.EncodeToString(p.LeafHash[:]), LeafIndex: s.Seq - 1,
		TlogProof: string(p.Text), Key: key,
	}
	if s.Tombstone == nil {
		proof.Salt, proof.Canonical = hex.EncodeToString(s.Salt[:]), base64.StdEncoding.EncodeToString(s.Bytes)
	}
	return proof, nil
}

func (c *recordCommand) print(std streams, s *journal.Stored, proof *proofJSON) error {
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, recordJSON(s), "", "  "); err != nil {
		return fmt.Errorf("print record %d: %w", s.Seq, err)
	}
	if _, err := fmt.Fprintln(std.out, plainLines(pretty.String())); err != nil || proof == nil {
		return err
	}
	if s.Tombstone != nil {
		_, err := fmt.Fprintf(std.out, `
commitment  %s; the record was %s and its salt with it, so nothing can be learnt from this
leaf        %d of the ledger, hash %s
key         %s (as the data directory says; hold one from elsewhere)

%s`, proof.Commitment, s.Tombstone.Reason, proof.LeafIndex, proof.LeafHash, proof.Key, proof.TlogProof)
		return err
	}
	_, err := fmt.Fprintf(std.out, `
salt        %s
commitment  %s = SHA-256("tripod/record/v1" ‖ salt ‖ stored bytes)
leaf        %d of the ledger, hash %s
key         %s (as the data directory says; hold one from elsewhere)

%s`, proof.Salt, proof.Commitment, proof.LeafIndex, proof.LeafHash, proof.Key, proof.TlogProof)
	return err
}
