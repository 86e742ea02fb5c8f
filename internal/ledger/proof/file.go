// Package proof is one record's proof as a file: what `tripod record SEQ --proof --json` prints and the console hands out,
// and the check of it by somebody who has nothing but the file, a key and perhaps a checkpoint kept from earlier.
//
// It promises: reading and checking are pure functions of what is passed in. No data directory, clock or network is asked,
// nothing is written, so durability is nobody's concern here, and it links no database. Order does not matter: a file
// speaks of one position. Nothing is shared, so calls may run concurrently. Whatever a file holds, there is a report or an
// error, never a panic; and a report says verified only where the bytes that the file shows are those in the ledger.
package proof

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxFile is how large a file may be, in bytes.
const MaxFile = 64 << 20

// Proof is everything needed to check a record against a checkpoint with stock tools; see docs/verify.md.
type Proof struct {
	Salt       string `json:"salt,omitempty"`       // hex; "" for a tombstone
	Commitment string `json:"commitment"`           // hex: SHA-256("tripod/record/v1" ‖ salt ‖ canonical bytes), the leaf data
	LeafHash   string `json:"leaf_hash"`            // base64: RFC 6962
	LeafIndex  uint64 `json:"leaf_index"`           // seq − 1
	Canonical  string `json:"canonical,omitempty"`  // base64 of the canonical bytes; "" for a tombstone
	TlogProof  string `json:"tlog_proof"`           // https://c2sp.org/tlog-proof, with the checkpoint inside
	Key        string `json:"verifier_key_in_data"` // the data directory's word for it; hold one from elsewhere
	// HandOvers lead from the ledger's first key to the one that signed the checkpoint, oldest first.
	HandOvers []Link `json:"hand_overs,omitempty"`
}

// Link is a hand-over of the ledger's signing key.
type Link struct {
	Note string `json:"note"` // signed by the old key and the new one
	// Consistency are hashes in base64: that the tree which the hand-over names is the beginning of the checkpoint's, RFC 6962,
	// section 2.1.2. None where both are of one size, or nothing was in the ledger then.
	Consistency []string `json:"consistency,omitempty"`
}

// File is a record with its proof. Its JSON form is stable.
type File struct {
	Record json.RawMessage `json:"record"` // as docs/record.md has it, the position in front
	Proof  *Proof          `json:"proof,omitempty"`
}

// Parse reads a file. It refuses what two readers could take for different things: names given twice, text that is no
// UTF-8, anything behind the end. Whether its values are right is for Check to say.
func Parse(b []byte) (*File, error) {
	fail := func(format string, args ...any) (*File, error) {
		return nil, fmt.Errorf("read proof: "+format+": want what tripod record SEQ --proof --json prints", args...)
	}
	switch {
	case len(bytes.TrimSpace(b)) == 0:
		return fail("the file is empty")
	case len(b) > MaxFile:
		return fail("the file is larger than %d bytes", MaxFile)
	case !utf8.Valid(b):
		return fail("the file is not UTF-8 text")
	}
	if err := distinct(b); err != nil {
		return fail("%w", err)
	}
	var f File
	if err := json.Unmarshal(b, &f); err != nil {
		return fail("%w", err)
	}
	if f.Proof == nil || f.Proof.Commitment == "" && f.Proof.TlogProof == "" {
		return fail("the file holds no proof")
	}
	return &f, nil
}

// distinct wants one JSON value in which no object has a name twice. Names that differ in case alone count as one: Go's
// decoder takes them for the same.
func distinct(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	type level struct {
		names map[string]bool // nil for an array
		value bool            // the next token is a value
	}
	var open []level
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		top := len(open) - 1
		if name, ok := t.(string); ok && top >= 0 && open[top].names != nil && !open[top].value {
			folded := strings.Map(leastFold, name)
			if open[top].names[folded] {
				return fmt.Errorf("the name %q is given twice", name)
			}
			open[top].names[folded], open[top].value = true, true
			continue
		}
		switch t {
		case json.Delim('{'):
			open = append(open, level{names: make(map[string]bool)})
			continue
		case json.Delim('['):
			open = append(open, level{})
			continue
		case json.Delim('}'), json.Delim(']'):
			open = open[:top]
		}
		if len(open) == 0 {
			if d.More() {
				return errors.New("something follows the end of the object")
			}
			continue
		}
		open[len(open)-1].value = false
	}
}

// leastFold is the same for all cases of a letter.
func leastFold(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next
		}
		r = next
	}
}
