package sqlite

import (
	"database/sql"

	"github.com/tripod-audit/tripod/internal/search/sqlite/segment"
)

// Segments grow as they age: every batch makes one, and fanIn segments of a class are merged into one of a higher class,
// until a segment is sealed. So a lookup asks few segments, and a row is rewritten a handful of times in its life. Merging
// takes some hundred bytes of memory a row, which bounds sealedRows.
const (
	fanIn      = 8
	sealedRows = 2 * fanIn * 8192
)

// classes are the rows from which on a segment is of the next class; those of the last are sealed and not merged.
var classes = [...]int{64, 512, 4096, 32768, sealedRows}

func class(rows int) int {
	for c, end := range classes {
		if rows < end {
			return c
		}
	}
	return len(classes)
}

// header is a segment as its row in the table has it.
type header struct {
	id              int64
	rows            int
	keyBits, idBits uint8
}

// blockID and shardID are the keys of a segment's parts.
func blockID(seg int64, no int) int64 { return seg<<20 | int64(no) }

const idShards = 1 << 19 // shards of ids are numbered from here, those of keys from 0

func shardID(seg int64, no int) int64 { return seg<<20 | int64(no) }

func (m *month) insertSegment(e *segment.Encoded) (header, error) {
	h := header{m.nextSeg, e.Rows, e.Keys.Bits, e.IDs.Bits}
	err := m.writer.exec("INSERT INTO segment VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", h.id, e.Rows, e.FirstTime, e.LastTime,
		int64(e.FirstSeq), int64(e.LastSeq), int(e.Keys.Bits), int(e.IDs.Bits), encodeStarts(e.Starts))
	if err != nil {
		return h, err
	}
	for no, data := range e.Blocks {
		if err := m.writer.exec("INSERT INTO block VALUES (?, ?)", blockID(h.id, no), data); err != nil {
			return h, err
		}
	}
	for base, shards := range map[int][][]byte{0: e.Keys.Shards, idShards: e.IDs.Shards} {
		for no, data := range shards {
			if len(data) == 0 {
				continue
			}
			if err := m.writer.exec("INSERT INTO shard VALUES (?, ?)", shardID(h.id, base+no), data); err != nil {
				return h, err
			}
		}
	}
	m.nextSeg++
	return h, nil
}

// compact merges until no class has fanIn segments.
func (m *month) compact() error {
	for {
		list, err := m.mergeable()
		if err != nil || list == nil {
			return err
		}
		parts := make([]segment.Part, len(list))
		for i, h := range list {
			if parts[i], err = m.load(h); err != nil {
				return err
			}
		}
		merged, _, err := segment.Merge(parts, nil)
		if err != nil {
			return err
		}
		for _, h := range list {
			if err := m.deleteSegment(h.id); err != nil {
				return err
			}
		}
		if _, err := m.insertSegment(merged); err != nil {
			return err
		}
	}
}

// mergeable picks segments to merge, nil if there are none: fanIn of a class, or as many as make a sealed one.
func (m *month) mergeable() ([]header, error) {
	var lists [len(classes)][]header
	var rows [len(classes)]int
	var h header
	err := m.writer.each("SELECT id, rows, key_bits, id_bits FROM segment WHERE rows < ? ORDER BY id", []any{sealedRows},
		[]any{&h.id, &h.rows, &h.keyBits, &h.idBits}, func() error {
			c := class(h.rows)
			lists[c] = append(lists[c], h)
			rows[c] += h.rows
			return nil
		})
	if err != nil {
		return nil, err
	}
	for c, list := range lists {
		if len(list) >= fanIn || len(list) > 1 && rows[c] >= sealedRows {
			return list[:min(fanIn, len(list))], nil
		}
	}
	return nil, nil
}

// load reads a segment whole.
func (m *month) load(h header) (segment.Part, error) {
	p := segment.Part{
		Rows: h.rows,
		Keys: segment.Postings{Bits: h.keyBits, Shards: make([][]byte, 1<<h.keyBits)},
		IDs:  segment.Postings{Bits: h.idBits, Shards: make([][]byte, 1<<h.idBits)},
	}
	var id int64
	var data sql.RawBytes
	span := []any{h.id << 20, (h.id+1)<<20 - 1}
	err := m.writer.each("SELECT id, data FROM block WHERE id BETWEEN ? AND ? ORDER BY id", span, []any{&id, &data}, func() error {
		p.Blocks = append(p.Blocks, append([]byte(nil), data...))
		return nil
	})
	if err != nil {
		return p, err
	}
	err = m.writer.each("SELECT id, data FROM shard WHERE id BETWEEN ? AND ?", span, []any{&id, &data}, func() error {
		shards, no := p.Keys.Shards, int(id&(1<<20-1))
		if no >= idShards {
			shards, no = p.IDs.Shards, no-idShards
		}
		if no >= len(shards) {
			return segment.ErrCorrupt
		}
		shards[no] = append([]byte(nil), data...)
		return nil
	})
	return p, err
}

func (m *month) deleteSegment(id int64) error {
	if err := m.writer.exec("DELETE FROM block WHERE id BETWEEN ? AND ?", id<<20, (id+1)<<20-1); err != nil {
		return err
	}
	if err := m.writer.exec("DELETE FROM shard WHERE id BETWEEN ? AND ?", id<<20, (id+1)<<20-1); err != nil {
		return err
	}
	return m.writer.exec("DELETE FROM segment WHERE id = ?", id)
}
