package content

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
)

// entry is one block on its way to the committer.
type entry struct {
	key    *containerKey
	prefix prefix
	body   []byte
	block  int64 // given by the committer
}

func (e *entry) heldKey() heldKey { return heldKey{e.key.id, e.prefix} }

// errRetired says that a key was retired between the sealing of a block and its commit.
var errRetired = errors.New("the container's key was retired")

// Put stores blocks and returns their addresses in the same order. When the error is nil, all of them are durable; else
// none of those that were new may be relied on, and putting them again is harmless. Blocks already held cost no write.
// Errors wrap ErrTooLarge, ErrFull or ErrClosed; when ctx ends while the commit is under way, the blocks may still be
// stored. The plaintexts are not kept or changed.
func (s *Store) Put(ctx context.Context, blocks []Block) ([]Address, error) {
	for i := range blocks {
		if n := len(blocks[i].Plaintext); n > s.maxBlock {
			return nil, fmt.Errorf("put block %d of %d bytes, limit %d: %w", i, n, s.maxBlock, ErrTooLarge)
		}
		if n := len(blocks[i].Container); n == 0 || n > MaxContainerName {
			return nil, fmt.Errorf("put block %d: the container's name has %d bytes, want 1 to %d", i, n, MaxContainerName)
		}
	}
	for {
		addresses, fresh, err := s.seal(ctx, blocks)
		if err != nil {
			return nil, fmt.Errorf("put content: %w", err)
		}
		if len(fresh) == 0 {
			return addresses, nil
		}
		err = s.submit(ctx, request{entries: fresh})
		if err == nil {
			return addresses, nil
		}
		// Each erasure of the container retires a key once, so this ends.
		if !errors.Is(err, errRetired) {
			return nil, fmt.Errorf("put content: %w", err)
		}
	}
}

// seal computes the addresses of blocks and the bodies of those not known to be stored.
func (s *Store) seal(ctx context.Context, blocks []Block) ([]Address, []*entry, error) {
	var (
		key    *containerKey
		namer  *namer
		now    = s.now()
		text   = make([]byte, 0, len(blocks)*2*len(digest{}))
		fresh  []*entry
		buf    []byte
		salts  []byte
		result = make([]Address, len(blocks))
	)
	for i := range blocks {
		b := &blocks[i]
		if key == nil || key.container != b.Container {
			var err error
			if key, err = s.keyCache.current(ctx, b.Container); err != nil {
				return nil, nil, err
			}
			namer = newNamer(key.mac)
		}
		d := namer.name(b.Plaintext)
		text = hex.AppendEncode(text, d[:])
		e := entry{key: key, prefix: d.prefix()}
		if s.held.has(e.heldKey(), now) {
			continue
		}
		if salts == nil {
			salts = make([]byte, (len(blocks)-i)*saltSize)
			if _, err := rand.Read(salts); err != nil {
				return nil, nil, err
			}
		}
		need := saltSize + 1 + len(b.Plaintext) + tagSize + 16 // and what zstd may try before it gives up
		if cap(buf)-len(buf) < need {
			buf = make([]byte, 0, max(need, min(need*(len(blocks)-i), 64<<10)))
		}
		body := append(buf[len(buf):], salts[:saltSize]...)
		salts = salts[saltSize:]
		e.body = seal(key.aead, e.prefix, s.codec.pack(body, nil, b.Plaintext))
		if len(e.body) <= cap(buf)-len(buf) {
			buf = buf[:len(buf)+len(e.body)]
		}
		fresh = append(fresh, &e)
	}
	all := string(text)
	for i := range result {
		result[i] = all[i*2*len(digest{}) : (i+1)*2*len(digest{})]
	}
	return result, fresh, nil
}
