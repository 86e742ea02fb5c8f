package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Salt blinds a record's place in the ledger: with it the commitment can be checked, without it nothing can be learnt.
type Salt [16]byte

// Commitment is what the ledger holds of a record: SHA-256("tripod/record/v1" ‖ salt ‖ canonical bytes). It is the leaf
// data of the Merkle log; the leaf hash is that of RFC 6962.
type Commitment [32]byte

const commitmentDomain = "tripod/record/v1"

// Commit computes the commitment of canonical bytes under a salt.
func Commit(salt Salt, canonical []byte) Commitment {
	h := sha256.New()
	h.Write([]byte(commitmentDomain))
	h.Write(salt[:])
	h.Write(canonical)
	var c Commitment
	h.Sum(c[:0])
	return c
}

// String is the commitment in lower-case hex.
func (c Commitment) String() string { return hex.EncodeToString(c[:]) }

// ParseCommitment reads 64 hex digits.
func ParseCommitment(s string) (Commitment, error) {
	var c Commitment
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(c) {
		return c, fmt.Errorf("parse commitment %.80q: want 64 hex digits", s)
	}
	copy(c[:], b)
	return c, nil
}

// TombstoneReason says why a position of the journal holds no record.
type TombstoneReason string

// The reasons.
const (
	TombstoneErased TombstoneReason = "erased" // by order; an erasure record names position and commitment
	TombstoneLost   TombstoneReason = "lost"   // the ledger knew it, a restored journal did not; a recovery record names it
)

// Tombstone stands where a record was. The ledger still commits to what stood there, so every other proof holds.
type Tombstone struct {
	Commitment Commitment
	Reason     TombstoneReason
}
