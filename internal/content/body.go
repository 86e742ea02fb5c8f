package content

import (
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// The stored body of a block is
//
//	salt (4) ‖ AES-256-GCM(form (1) ‖ opening (32, only with formOpening) ‖ plaintext or its zstd frame)
//
// with nonce = the first 8 bytes of the block's address ‖ salt, and the 12 address bytes the store keeps as additional
// data. The salt is random, and eight further bytes that are random to anybody without the key come for free with the
// address, so different blocks under one key share a nonce as rarely as with 96 random bits: 2^-57 for a million blocks.
// A block that is swept and put again is encrypted under the same address twice, perhaps as different bytes (another
// zstd); the salt is what keeps the nonces apart then.
const (
	saltSize    = 4
	tagSize     = 16
	formZstd    = 1 << 0 // a zstd frame follows
	formOpening = 1 << 1 // the opening is stored, since the key that made it is gone
	formKnown   = formZstd | formOpening
)

// hardMaxBlock bounds what a body may unpack to, whatever MaxBlock was when it was stored.
const hardMaxBlock = 256 << 20

// minCompress is the plaintext length in bytes under which zstd takes more time than its few per cent are worth.
const minCompress = 128

var errBody = errors.New("stored body is malformed")

// codec packs plaintexts into what is then sealed. It is safe for concurrent use.
type codec struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func newCodec() (*codec, error) {
	// GCM authenticates, so frames need no checksum; small frames need no window.
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false),
		zstd.WithSingleSegment(true), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("set up zstd: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(hardMaxBlock), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("set up zstd: %w", err)
	}
	return &codec{enc, dec}, nil
}

// pack appends form, opening (if there is one) and plaintext to b, compressed where that helps.
func (c *codec) pack(b, opening, plaintext []byte) []byte {
	form := len(b)
	b = append(b, 0)
	if opening != nil {
		b[form] |= formOpening
		b = append(b, opening...)
	}
	start := len(b)
	if len(plaintext) >= minCompress {
		b = c.enc.EncodeAll(plaintext, b)
		if len(b)-start < len(plaintext) {
			b[form] |= formZstd
			return b
		}
		b = b[:start]
	}
	return append(b, plaintext...)
}

// unpack is the reverse of pack; opening is nil unless it was stored. The results may share memory with packed.
func (c *codec) unpack(packed []byte) (opening, plaintext []byte, err error) {
	if len(packed) == 0 || packed[0]&^formKnown != 0 {
		return nil, nil, errBody
	}
	form, rest := packed[0], packed[1:]
	if form&formOpening != 0 {
		if len(rest) < sha256.Size {
			return nil, nil, errBody
		}
		opening, rest = rest[:sha256.Size:sha256.Size], rest[sha256.Size:]
	}
	if form&formZstd == 0 {
		return opening, rest, nil
	}
	plaintext, err = c.dec.DecodeAll(rest, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errBody, err)
	}
	return opening, plaintext, nil
}

// seal turns buf = salt ‖ packed into a body, in place where the capacity allows.
func seal(aead cipher.AEAD, p prefix, buf []byte) []byte {
	n := nonce(p, buf)
	return aead.Seal(buf[:saltSize], n[:], buf[saltSize:], p[:])
}

// unseal decrypts a body; it leaves the body as it is. The error is ErrMismatch.
func unseal(aead cipher.AEAD, p prefix, body []byte) ([]byte, error) {
	if len(body) < saltSize+1+tagSize {
		return nil, ErrMismatch
	}
	n := nonce(p, body)
	packed, err := aead.Open(nil, n[:], body[saltSize:], p[:])
	if err != nil {
		return nil, ErrMismatch // the cause says nothing more
	}
	return packed, nil
}

func nonce(p prefix, salted []byte) (n [12]byte) {
	copy(n[:8], p[:8])
	copy(n[8:], salted[:saltSize])
	return n
}
