package content

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tripod-audit/tripod/internal/keyring"
)

// containerKey is one key of one container, unwrapped. A container has one current key at a time, and a new one after
// each erasure. It is immutable and safe for concurrent use.
type containerKey struct {
	id        int64
	container string
	wrapped   []byte
	mac       []byte      // key of openings
	aead      cipher.AEAD // encrypts bodies
}

// Labels of what is derived from a container's key. They are part of the stored format.
const (
	labelOpening = "tripod/content/opening/v1"
	labelBody    = "tripod/content/body/v1"
	labelWrapped = "tripod/content/key/v1"
)

// wrapPurpose binds a wrapped key to its place, so that none can be moved to another container or id.
func wrapPurpose(id int64, container string) []byte {
	b := append(make([]byte, 0, len(labelWrapped)+8+len(container)), labelWrapped...)
	b = binary.BigEndian.AppendUint64(b, uint64(id))
	return append(b, container...)
}

// newContainerKey makes a random key.
func newContainerKey(ctx context.Context, w keyring.Wrapper, id int64, container string) (*containerKey, error) {
	root := make([]byte, keyring.KeySize)
	if _, err := rand.Read(root); err != nil {
		return nil, fmt.Errorf("create container key: %w", err)
	}
	wrapped, err := w.Wrap(ctx, root, wrapPurpose(id, container))
	if err != nil {
		return nil, fmt.Errorf("wrap container key: %w", err)
	}
	return deriveContainerKey(root, id, container, wrapped)
}

// unwrapContainerKey opens a wrapped key.
func unwrapContainerKey(ctx context.Context, w keyring.Wrapper, id int64, container string, wrapped []byte) (*containerKey, error) {
	root, err := w.Unwrap(ctx, wrapped, wrapPurpose(id, container))
	if errors.Is(err, keyring.ErrUnwrap) {
		return nil, fmt.Errorf("container key %d: %w: %w", id, ErrMismatch, err)
	} else if err != nil {
		return nil, fmt.Errorf("unwrap container key %d: %w", id, err)
	}
	return deriveContainerKey(root, id, container, wrapped)
}

func deriveContainerKey(root []byte, id int64, container string, wrapped []byte) (*containerKey, error) {
	mac, err := hkdf.Key(sha256.New, root, nil, labelOpening, keyring.KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive opening key: %w", err)
	}
	bodyKey, err := hkdf.Key(sha256.New, root, nil, labelBody, keyring.KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive body key: %w", err)
	}
	block, err := aes.NewCipher(bodyKey)
	if err != nil {
		return nil, fmt.Errorf("derive body key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("derive body key: %w", err)
	}
	return &containerKey{id: id, container: container, wrapped: wrapped, mac: mac, aead: aead}, nil
}

// open decrypts the body of a block and checks it against the part of the address the store keeps.
func (k *containerKey) open(c *codec, p prefix, body []byte) (block openedBlock, err error) {
	packed, err := unseal(k.aead, p, body)
	if err != nil {
		return openedBlock{}, err
	}
	opening, plaintext, err := c.unpack(packed)
	if err != nil {
		return openedBlock{}, fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	var d digest
	if opening == nil {
		n := newNamer(k.mac)
		d, opening = n.name(plaintext), n.opening
	} else {
		d = addressOf(opening, plaintext)
	}
	if subtle.ConstantTimeCompare(d[:len(p)], p[:]) != 1 {
		return openedBlock{}, ErrMismatch
	}
	return openedBlock{d, opening, plaintext}, nil
}

// openedBlock is a block in the clear, with the proof that it is the one its address names.
type openedBlock struct {
	address            digest
	opening, plaintext []byte
}

// newBody seals an opened block under a key that did not make its opening.
func newBody(c *codec, k *containerKey, p prefix, b openedBlock) ([]byte, error) {
	buf := make([]byte, saltSize, saltSize+1+len(b.opening)+len(b.plaintext)+tagSize+16)
	if _, err := rand.Read(buf); err != nil {
		return nil, fmt.Errorf("salt a block: %w", err)
	}
	return seal(k.aead, p, c.pack(buf, b.opening, b.plaintext)), nil
}
