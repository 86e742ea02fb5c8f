package intake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"

	"github.com/tripod-audit/tripod/internal/journal"
)

// identifier computes record ids: a keyed digest of source, credential, source form and ordinal among equals.
type identifier struct{ pool sync.Pool } // of *digester

func newIdentifier(key []byte) *identifier {
	key = append([]byte(nil), key...)
	return &identifier{pool: sync.Pool{New: func() any { return &digester{mac: hmac.New(sha256.New, key)} }}}
}

// identify gives every draft its digest. Equal drafts of one delivery are told apart by their ordinal, so that a source
// may say the same thing twice, and a re-delivery of both is still recognised.
func (x *identifier) identify(del Delivery) []journal.Digest {
	ids := make([]journal.Digest, len(del.Drafts))
	equals := make(map[journal.Digest]uint32, len(del.Drafts))
	d := x.pool.Get().(*digester)
	defer x.pool.Put(d)
	for i := range del.Drafts {
		draft := &del.Drafts[i]
		if draft.VendorID {
			ids[i] = d.sum(nil, "vendor", string(draft.Record.Source), draft.Record.ID)
			continue
		}
		id := d.sum(draft.Form, "form", string(draft.Record.Source), draft.credential(&del))
		n := equals[id]
		equals[id] = n + 1
		if n > 0 {
			id = d.sum(binary.BigEndian.AppendUint32(id[:], n), "ordinal")
		}
		ids[i] = id
	}
	return ids
}

// body is the digest by which a changed body under one vendor id is recognised.
func (x *identifier) body(form []byte) journal.Digest {
	d := x.pool.Get().(*digester)
	defer x.pool.Put(d)
	return d.sum(form, "body")
}

// digester is one reusable keyed hash with its scratch space.
type digester struct {
	mac hash.Hash
	buf []byte
}

// sum is the first half of HMAC-SHA-256 over length-prefixed fields and a tail.
func (d *digester) sum(tail []byte, fields ...string) (id journal.Digest) {
	d.buf = d.buf[:0]
	for _, f := range fields {
		d.buf = binary.AppendUvarint(d.buf, uint64(len(f)))
		d.buf = append(d.buf, f...)
	}
	d.mac.Reset()
	d.mac.Write(d.buf)
	d.mac.Write(tail)
	d.buf = d.mac.Sum(d.buf[:0])
	copy(id[:], d.buf)
	return id
}
