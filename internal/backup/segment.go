package backup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/journal"
)

// A part's bytes are: its kind, a line break, then its rows. Numbers are uvarints, byte strings a uvarint length and the bytes.

type encoder struct{ b []byte }

func newEncoder(kind Kind) *encoder { return &encoder{append([]byte(kind), '\n')} }

func (e *encoder) number(n uint64) { e.b = binary.AppendUvarint(e.b, n) }

func (e *encoder) bytes(b []byte) {
	e.number(uint64(len(b)))
	e.b = append(e.b, b...)
}

// decoder reads what encoder wrote; after the first error everything is zero. Strings refer to the bytes read.
type decoder struct {
	b   []byte
	err error
}

func newDecoder(kind Kind, b []byte) *decoder {
	head := string(kind) + "\n"
	if len(b) < len(head) || string(b[:len(head)]) != head {
		return &decoder{err: fmt.Errorf("the part holds no %s", kind)}
	}
	return &decoder{b: b[len(head):]}
}

func (d *decoder) more() bool { return d.err == nil && len(d.b) > 0 }

func (d *decoder) number() uint64 {
	if d.err != nil {
		return 0
	}
	n, size := binary.Uvarint(d.b)
	if size <= 0 {
		d.err = errors.New("the part is cut short")
		return 0
	}
	d.b = d.b[size:]
	return n
}

func (d *decoder) bytes() []byte {
	n := d.number()
	if d.err != nil {
		return nil
	}
	if n > uint64(len(d.b)) {
		d.err = errors.New("the part is cut short")
		return nil
	}
	b := d.b[:n:n]
	d.b = d.b[n:]
	return b
}

func encodeRows(rows []journal.Row) []byte {
	e := newEncoder(KindJournal)
	for i := range rows {
		r := &rows[i]
		e.number(r.First)
		e.number(uint64(r.Count))
		e.number(uint64(r.Recorded))
		e.bytes(r.IDs)
		e.bytes(r.Frame)
		e.bytes(r.Salts)
	}
	return e.b
}

func decodeRows(b []byte) (rows []journal.Row, err error) {
	d := newDecoder(KindJournal, b)
	for d.more() {
		r := journal.Row{First: d.number(), Count: int(min(d.number(), 1<<20)), Recorded: int64(d.number()), IDs: d.bytes(), Frame: d.bytes(), Salts: d.bytes()}
		if n := len(rows); n > 0 && r.First != rows[n-1].Last()+1 && d.err == nil {
			return nil, fmt.Errorf("a row begins at %d, the one before ends at %d", r.First, rows[n-1].Last())
		}
		rows = append(rows, r)
	}
	return rows, d.err
}

func encodeLasting(list []journal.Lasting) []byte {
	e := newEncoder(KindLasting)
	for i := range list {
		e.bytes(list[i].ID)
		e.bytes(list[i].Body)
		e.number(list[i].Seq)
	}
	return e.b
}

func decodeLasting(b []byte) (list []journal.Lasting, err error) {
	d := newDecoder(KindLasting, b)
	for d.more() {
		list = append(list, journal.Lasting{ID: d.bytes(), Body: d.bytes(), Seq: d.number()})
	}
	return list, d.err
}

func encodeCursors(cursors map[string][]byte) []byte {
	e := newEncoder(KindCursors)
	for _, name := range slices.Sorted(maps.Keys(cursors)) {
		e.bytes([]byte(name))
		e.bytes(cursors[name])
	}
	return e.b
}

func decodeCursors(b []byte) (map[string][]byte, error) {
	d := newDecoder(KindCursors, b)
	cursors := make(map[string][]byte)
	for d.more() {
		name := string(d.bytes())
		cursors[name] = d.bytes()
	}
	return cursors, d.err
}

func encodeLeaves(list []audit.Commitment) []byte {
	e := newEncoder(KindLeaves)
	for i := range list {
		e.b = append(e.b, list[i][:]...)
	}
	return e.b
}

func decodeLeaves(b []byte) ([]audit.Commitment, error) {
	d := newDecoder(KindLeaves, b)
	const size = len(audit.Commitment{})
	if d.err != nil || len(d.b)%size != 0 {
		return nil, errors.Join(d.err, errors.New("the part holds no whole number of commitments"))
	}
	list := make([]audit.Commitment, len(d.b)/size)
	for i := range list {
		list[i] = audit.Commitment(d.b[i*size:])
	}
	return list, nil
}

func encodePlaces(list []content.Place) []byte {
	e := newEncoder(KindPlaces)
	for i := range list {
		e.number(uint64(list[i].Key))
		e.bytes(list[i].Address)
		e.number(uint64(list[i].Block))
	}
	return e.b
}

func decodePlaces(b []byte) (list []content.Place, err error) {
	d := newDecoder(KindPlaces, b)
	for d.more() {
		list = append(list, content.Place{Key: int64(d.number()), Address: d.bytes(), Block: int64(d.number())})
	}
	return list, d.err
}

func encodeBlocks(list []content.SealedBlock) []byte {
	e := newEncoder(KindBlocks)
	for i := range list {
		e.number(uint64(list[i].ID))
		e.bytes(list[i].Body)
	}
	return e.b
}

func decodeBlocks(b []byte) (list []content.SealedBlock, err error) {
	d := newDecoder(KindBlocks, b)
	for d.more() {
		list = append(list, content.SealedBlock{ID: int64(d.number()), Body: d.bytes()})
	}
	return list, d.err
}

func encodeRetired(ids []int64) []byte {
	e := newEncoder(KindRetired)
	for _, id := range ids {
		e.number(uint64(id))
	}
	return e.b
}

func decodeRetired(b []byte) (ids []int64, err error) {
	d := newDecoder(KindRetired, b)
	for d.more() {
		ids = append(ids, int64(d.number()))
	}
	return ids, d.err
}
