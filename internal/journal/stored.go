package journal

import (
	"fmt"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Stored is what stands at one position of the journal: a record with its salt, or a tombstone. Bytes and the record are
// shared between readers and must not be changed. Holding on to Bytes may keep up to 64 KiB of neighbours alive.
type Stored struct {
	Seq        uint64
	Bytes      []byte           // canonical bytes; nil for a tombstone
	Salt       audit.Salt       // zero for a tombstone
	Commitment audit.Commitment // computed from Salt and Bytes, never read back; a tombstone's is the one it keeps
	Tombstone  *audit.Tombstone // nil where a record stands

	record *audit.Record // set while the record is still in memory from its Append
}

// Record is the decoded record: shared and free for a record that was appended a moment ago, otherwise decoded from
// Bytes at each call. It wraps ErrNoRecord for a tombstone.
func (s *Stored) Record() (*audit.Record, error) {
	switch {
	case s.Tombstone != nil:
		return nil, fmt.Errorf("record %d was %s: %w", s.Seq, s.Tombstone.Reason, ErrNoRecord)
	case s.record != nil:
		return s.record, nil
	}
	r, err := audit.Decode(s.Bytes)
	if err != nil {
		return nil, fmt.Errorf("record %d: %w", s.Seq, err)
	}
	return r, nil
}

// toTombstone is what remains of a record once it is erased.
func (s *Stored) toTombstone() Stored {
	t := &audit.Tombstone{Commitment: s.Commitment, Reason: audit.TombstoneErased}
	return Stored{Seq: s.Seq, Commitment: s.Commitment, Tombstone: t}
}
