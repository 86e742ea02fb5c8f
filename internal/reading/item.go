package reading

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
)

// Item is what stands at one position: a record, or a tombstone. It must not be changed: parts of it are shared.
type Item struct {
	Seq        uint64
	Record     *audit.Record // nil for a tombstone
	Bytes      []byte        // canonical bytes; nil for a tombstone
	Commitment audit.Commitment
	Tombstone  *audit.Tombstone // nil where a record stands
}

// JSON is the item as lists and exports print it: the canonical bytes with the position in front; see docs/record.md.
func (i *Item) JSON() json.RawMessage {
	b := append(make([]byte, 0, len(i.Bytes)+32), `{"seq":`...)
	b = strconv.AppendUint(b, i.Seq, 10)
	if t := i.Tombstone; t != nil {
		return fmt.Appendf(b, `,"tombstone":%q,"commitment":%q}`, t.Reason, t.Commitment)
	}
	return append(append(b, ','), i.Bytes[1:]...)
}

// newItem decodes what is stored.
func newItem(s *journal.Stored) (Item, error) {
	item := Item{Seq: s.Seq, Bytes: s.Bytes, Commitment: s.Commitment, Tombstone: s.Tombstone}
	if s.Tombstone != nil {
		return item, nil
	}
	var err error
	item.Record, err = s.Record()
	return item, err
}

// Unreadable lists the positions of records that a list should hold and that cannot be read, in ascending order: they are
// damaged, or gone from the journal without a tombstone.
type Unreadable []uint64

// String says which they are and what to do; "" for none.
func (u Unreadable) String() string {
	const shown = 10
	switch len(u) {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("record %d cannot be read: run tripod verify, which says what is wrong with it", u[0])
	}
	var b strings.Builder
	for _, seq := range u[:min(shown, len(u))] {
		fmt.Fprintf(&b, " %d", seq)
	}
	if len(u) > shown {
		b.WriteString(" …")
	}
	return fmt.Sprintf("%d records cannot be read (%s): run tripod verify, which says what is wrong with them", len(u), b.String()[1:])
}
