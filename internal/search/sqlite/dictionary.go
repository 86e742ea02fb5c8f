package sqlite

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/search/sqlite/segment"
)

// The dimensions of a row. A row refers to one entry of each: a combination of names that recurs, so that a record takes
// a few bytes however many names it carries.
const (
	dimWho   = iota // account: user, device, key
	dimWhat         // source, surface, activity, type, outcome, tool … and which keys the record has
	dimWhere        // network address
	dimAll          // in tallies only: all rows
)

var _ = [1]struct{}{}[segment.Dims-dimAll] // three dimensions a row

func dimOf(f search.Field) int {
	switch f {
	case search.FieldUser, search.FieldDevice, search.FieldKey:
		return dimWho
	case search.FieldIP:
		return dimWhere
	}
	return dimWhat
}

// keyTag tells the key fields apart in the low bits of a term.
func keyTag(f search.Field) uint64 { return uint64(f-search.FieldSession) + 1 }

const keyTags = 15 // mask of the tag

// keyTerm is the term of a key: a keyed hash of the id with the field in its low bits.
func (m *month) keyTerm(f search.Field, id string) uint64 { return m.hash.Sum(id)&^keyTags | keyTag(f) }

// appendNames encodes a combination of names.
func appendName(b []byte, f search.Field, value string) []byte {
	b = append(b, byte(f))
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(b, value...)
}

func decodeNames(b []byte) ([]search.Name, error) {
	var names []search.Name
	for len(b) > 0 {
		f := search.Field(b[0])
		n, size := binary.Uvarint(b[1:])
		if size <= 0 || n > uint64(len(b)-1-size) {
			return nil, segment.ErrCorrupt
		}
		b = b[1+size:]
		names = append(names, search.Name{Field: f, Value: string(b[:n])})
		b = b[n:]
	}
	return names, nil
}

// maxDictionary bounds, in bytes of encoded names, the entries a writer remembers; others it looks up.
const maxDictionary = 2 << 20

// dictionary remembers entries while applying.
type dictionary struct {
	ids  map[string]uint32 // dimension and encoded names → id
	size int
}

func (d *dictionary) reset() { d.ids, d.size = make(map[string]uint32), 0 }

func (d *dictionary) put(key []byte, id uint32) {
	d.ids[string(key)] = id
	d.size += len(key) + 48
}

// newEntry is a combination seen for the first time.
type newEntry struct {
	id    uint32
	dim   int
	names []byte
}

// entryID finds the id of a combination; key is its dimension and encoded names. A new one is added to the batch.
func (m *month) entryID(key []byte) (uint32, error) {
	if id, ok := m.dict.ids[string(key)]; ok {
		return id, nil
	}
	dim, names := int(key[0]), key[1:]
	var id int64
	var stored []byte
	found := uint32(0)
	err := m.writer.each("SELECT id, names FROM entry WHERE digest = ? AND dim = ?", []any{int64(m.hash.Sum(string(names))), dim}, []any{&id, &stored}, func() error {
		if string(stored) == string(names) {
			found = uint32(id)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	if found == 0 {
		if m.nextID > maxEntries {
			return 0, fmt.Errorf("more than %d combinations of names in one month", maxEntries)
		}
		found = m.nextID
		m.nextID++
		m.batch.entries = append(m.batch.entries, newEntry{found, dim, slices.Clone(names)})
	}
	m.dict.put(key, found)
	return found, nil
}

// insertEntries writes the new entries of a batch and the names they are found by.
func (m *month) insertEntries() error {
	for _, e := range m.batch.entries {
		if err := m.writer.exec("INSERT INTO entry VALUES (?, ?, ?, ?)", int64(e.id), e.dim, int64(m.hash.Sum(string(e.names))), e.names); err != nil {
			return err
		}
		names, err := decodeNames(e.names)
		if err != nil {
			return err
		}
		for _, n := range names {
			if err := m.writer.exec("INSERT OR IGNORE INTO name VALUES (?, ?, ?)", int(n.Field), []byte(search.Fold(n.Value)), int64(e.id)); err != nil {
				return err
			}
		}
	}
	return m.setMeta("next_id", int64(m.nextID))
}

// deleteEntry removes an entry that no row refers to any more, and its names.
func (m *month) deleteEntry(id uint32) error {
	var stored []byte
	if _, err := m.writer.first("SELECT names FROM entry WHERE id = ?", []any{int64(id)}, &stored); err != nil {
		return err
	}
	names, err := decodeNames(stored)
	if err != nil {
		return err
	}
	for _, n := range names {
		if err := m.writer.exec("DELETE FROM name WHERE field = ? AND value = ? AND entry = ?", int(n.Field), []byte(search.Fold(n.Value)), int64(id)); err != nil {
			return err
		}
	}
	return m.writer.exec("DELETE FROM entry WHERE id = ?", int64(id))
}

// nameCache keeps decoded entries for facets. Ids are never used twice, so what it holds stays true; an erasure changes
// the generation, after which it holds nothing.
type nameCache struct {
	mu         sync.Mutex
	names      map[uint32][]search.Name // guarded by mu
	generation int64                    // guarded by mu
}

const maxCachedNames = 2048

func (nc *nameCache) get(generation int64, id uint32) ([]search.Name, bool) {
	nc.mu.Lock()
	defer nc.mu.Unlock()
	if nc.generation != generation || len(nc.names) > maxCachedNames {
		nc.names, nc.generation = nil, generation
	}
	names, ok := nc.names[id]
	return names, ok
}

func (nc *nameCache) put(generation int64, id uint32, names []search.Name) {
	nc.mu.Lock()
	defer nc.mu.Unlock()
	if nc.generation != generation {
		return
	}
	if nc.names == nil {
		nc.names = make(map[uint32][]search.Name)
	}
	nc.names[id] = names
}
