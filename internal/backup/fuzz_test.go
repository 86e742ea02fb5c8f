package backup

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/journal"
)

// FuzzParts: whatever a part holds, reading it neither panics nor takes it for something it does not say again.
func FuzzParts(f *testing.F) {
	f.Add(encodeRows([]journal.Row{{First: 1, Count: 2, Recorded: 3, IDs: []byte{}, Frame: []byte("f"), Salts: []byte("s")}, {First: 3, Count: 1, Frame: []byte{}}}))
	f.Add(encodeLasting([]journal.Lasting{{ID: []byte("i"), Body: []byte("b"), Seq: 9}}))
	f.Add(encodeCursors(map[string][]byte{"a": []byte("1"), "b": nil}))
	f.Add(encodeLeaves([]audit.Commitment{{1}, {2}}))
	f.Add(encodePlaces([]content.Place{{Key: 1, Address: []byte("a"), Block: 2}}))
	f.Add(encodeBlocks([]content.SealedBlock{{ID: 4, Body: []byte("b")}}))
	f.Add(encodeRetired([]int64{1, 2, 300}))
	f.Add(encodeWrapped([]content.WrappedKey{{ID: 1, Container: "c", Wrapped: []byte("w"), Erased: [][]byte{[]byte("a")}}}).b)
	f.Fuzz(func(t *testing.T, b []byte) {
		again := func(kind Kind, encoded []byte, err error) {
			if err != nil {
				return
			}
			d := newDecoder(kind, encoded)
			if d.err != nil {
				t.Fatalf("%s: %v", kind, d.err)
			}
			if n := len(encoded); n > len(b) {
				t.Fatalf("%s: %d bytes of %d", kind, n, len(b))
			}
		}
		rows, err := decodeRows(b)
		if err == nil {
			again(KindJournal, encodeRows(rows), nil)
		}
		lasting, err := decodeLasting(b)
		again(KindLasting, encodeLasting(lasting), err)
		cursors, err := decodeCursors(b)
		again(KindCursors, encodeCursors(cursors), err)
		leaves, err := decodeLeaves(b)
		again(KindLeaves, encodeLeaves(leaves), err)
		places, err := decodePlaces(b)
		again(KindPlaces, encodePlaces(places), err)
		blocks, err := decodeBlocks(b)
		again(KindBlocks, encodeBlocks(blocks), err)
		retired, err := decodeRetired(b)
		again(KindRetired, encodeRetired(retired), err)
		keys, err := decodeWrapped(b)
		again(kindWrapped, encodeWrapped(keys).b, err)
	})
}

func testManifest() *Manifest {
	digest := digestOf(nil)
	part := func(kind Kind, first, last uint64) Part {
		return Part{Kind: kind, First: first, Last: last, Raw: 1, Sealed: 2, Digest: digest, Object: digest}
	}
	return &Manifest{
		Format: 1, ID: "20261123T200000.000Z-00000000", Time: time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC), Origin: "example.test/log", Key: "example.test/log+00000000+AA",
		Position: 2, LedgerSize: 1, Checkpoint: "example.test/log\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— example.test/log AAAAAAAA\n", KeyFile: digest,
		Parts: []Part{part(KindJournal, 1, 2), part(KindLasting, 1, 2), part(KindCursors, 0, 0), part(KindLeaves, 1, 1), part(KindPlaces, 1, 7), part(KindBlocks, 1, 9), part(KindRetired, 0, 0)},
	}
}

func FuzzManifest(f *testing.F) {
	b, err := json.Marshal(testManifest())
	if err != nil {
		f.Fatal(err)
	}
	if _, err := ParseManifest(b); err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"format":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseManifest(b)
		if err != nil {
			return
		}
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseManifest(again); err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		for _, p := range m.Parts {
			if len(objectPath(p.Object)) != 3 || p.Raw > maxRaw {
				t.Fatalf("part %+v", p)
			}
		}
	})
}

func FuzzKeyFile(f *testing.F) {
	var b []byte
	b = append(b, keysHead...)
	for _, e := range []*encoder{newEncoder(kindSecrets), newEncoder(kindMasterCheck), encodeWrapped([]content.WrappedKey{{ID: 1, Container: "c", Wrapped: []byte("w")}})} {
		if len(e.b) == len(kindMasterCheck)+1 {
			e.bytes([]byte("check"))
		}
		b = append(binary.AppendUvarint(b, uint64(len(e.b))), e.b...)
	}
	f.Add(b)
	f.Add([]byte(keysHead))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := readKeyFile(bytes.NewReader(b))
		if err != nil {
			return
		}
		_ = k.wrapped(func([]content.WrappedKey) error { return nil })
	})
}

func FuzzErasure(f *testing.F) {
	f.Add([]byte("tripod-erasure/v1\n{\"completed\":2,\"ordered\":1}\n\n— example.test/log AAAAAAAA\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := ParseErasure(b, []string{"example.test/log+00000000+AA", testManifest().Key}); err == nil {
			t.Fatalf("nobody signed it: %+v", e)
		}
	})
}
