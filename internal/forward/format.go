package forward

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
)

// Format appends a record in the form a sink sends: one JSON object, no line feed. The bytes are a function of position and
// record alone.
type Format func(dst []byte, seq uint64, r *audit.Record) ([]byte, error)

// AppendRecord is the Format of the plain record: the canonical bytes under "record", the position beside them.
func AppendRecord(dst []byte, seq uint64, r *audit.Record) ([]byte, error) {
	dst = append(dst, `{"seq":`...)
	dst = strconv.AppendUint(dst, seq, 10)
	dst = append(dst, `,"record":`...)
	dst = r.AppendCanonical(dst)
	return append(dst, '}'), nil
}

// RecordID is the id of a record's item: a digest of its position and of the commitment that the ledger holds of it. The
// commitment is salted, so the id confirms no guess, and no other journal has it.
func RecordID(seq uint64, c audit.Commitment) string {
	b := append([]byte("tripod/item/v1\x00record\x00"), c[:]...)
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(b, seq))
	return hex.EncodeToString(sum[:16])
}

// itemID is the id of an item that stands for something else than a record.
func itemID(k Kind, of []byte) string {
	sum := sha256.Sum256(append([]byte("tripod/item/v1\x00"+k.String()+"\x00"), of...))
	return hex.EncodeToString(sum[:16])
}

// recordItem is the item of a record, without its body.
func recordItem(s *journal.Stored, r *audit.Record) Item {
	return Item{ID: RecordID(s.Seq, s.Commitment), Kind: KindRecord, Seq: s.Seq, Time: itemTime(r), Key: itemKey(r), Type: r.Type}
}

// itemTime is when a record occurred or, where its source's clock cannot be believed or said nothing, when it was recorded: the
// time under which it is found here, too.
func itemTime(r *audit.Record) time.Time {
	t := r.Occurred
	if y := t.Year(); y < 1970 || y > 9998 || r.HasFlag(audit.FlagClockAbsurd) || r.HasFlag(audit.FlagNoTime) {
		t = r.Recorded
	}
	return t.UTC().Truncate(time.Millisecond)
}

func itemKey(r *audit.Record) string {
	if r.Keys.Session != "" {
		return r.Keys.Session
	}
	if id, _ := r.Account.Telling(); id != "" {
		return id
	}
	return string(r.Source)
}
