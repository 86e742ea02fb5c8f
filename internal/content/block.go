package content

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
)

// Block is one piece of content on its way into the store.
type Block struct {
	Container string // what it belongs to, 1 to MaxContainerName bytes
	Plaintext []byte // may be empty
}

// Address names a block and commits to its plaintext: 64 lower-case hex digits.
type Address = string

// MaxContainerName bounds the name of a container, in bytes.
const MaxContainerName = 512

// digest is an address in binary.
type digest [sha256.Size]byte

// prefix is the part of an address that the store keeps. Addresses are the output of a keyed hash, so two blocks of a
// container with a million of them share 96 bits by chance with a probability of 2^-57, and nobody without the
// container's key can search for such a pair.
type prefix [12]byte

func (d *digest) prefix() prefix { return prefix(d[:len(prefix{})]) }

func (d *digest) String() string { return hex.EncodeToString(d[:]) }

// namer computes openings and addresses under one container key. It belongs to one goroutine.
type namer struct {
	mac, sum hash.Hash
	opening  []byte // of the last plaintext named
	address  []byte // of the same
}

func newNamer(openingKey []byte) *namer {
	return &namer{mac: hmac.New(sha256.New, openingKey), sum: sha256.New()}
}

func (n *namer) name(plaintext []byte) digest {
	n.mac.Reset()
	n.mac.Write(plaintext)
	n.opening = n.mac.Sum(n.opening[:0])
	n.sum.Reset()
	n.sum.Write(n.opening)
	n.sum.Write(plaintext)
	n.address = n.sum.Sum(n.address[:0])
	return digest(n.address)
}

// addressOf computes the address from a plaintext and its opening.
func addressOf(opening, plaintext []byte) digest {
	h := sha256.New()
	h.Write(opening)
	h.Write(plaintext)
	return digest(h.Sum(nil))
}

func parseAddress(a Address) (digest, error) {
	var d digest
	if len(a) != hex.EncodedLen(len(d)) {
		return d, fmt.Errorf("address: %d characters, want %d hex digits", len(a), hex.EncodedLen(len(d)))
	}
	if _, err := hex.Decode(d[:], []byte(a)); err != nil {
		return d, fmt.Errorf("address: %w", err)
	}
	if d.String() != a {
		return d, errors.New("address: upper-case hex digits, want lower-case")
	}
	return d, nil
}

// VerifyDisclosure checks, without any key, that an address commits to exactly this plaintext. The error wraps
// ErrMismatch if it does not.
func VerifyDisclosure(a Address, plaintext, opening []byte) error {
	want, err := parseAddress(a)
	if err != nil {
		return fmt.Errorf("verify disclosure: %w", err)
	}
	// Without its fixed length, bytes could wander between the opening and the plaintext.
	if len(opening) != sha256.Size {
		return fmt.Errorf("verify disclosure: the opening has %d bytes, want %d", len(opening), sha256.Size)
	}
	if got := addressOf(opening, plaintext); subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		return fmt.Errorf("verify disclosure of %s: %w", a, ErrMismatch)
	}
	return nil
}
