// Package keyring holds the master key and what is derived from it. It hands out four things: wrapping of other keys,
// the key of keyed record ids, the key by which gateways name credentials and what they replace, and the key that seals
// sign-ins and tokens.
//
// A created master key is synced to disk, with the directories above it, before Load returns: nothing is ever wrapped
// under a key that a power loss could take away. A missing key is never replaced while wrapped keys exist that need it.
// A Keyring is immutable and safe for concurrent use, and it never prints.
package keyring

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/tripod-audit/tripod/internal/secret"
)

// KeySize is the length of every key here, in bytes: AES-256, HMAC-SHA-256.
const KeySize = 32

// Overhead is how many bytes longer than a key its wrapped form is: a nonce of 12 and a tag of 16.
const Overhead = 12 + 16

// ErrUnwrap says that wrapped bytes are not what this key wrapped for that purpose: another master key, another
// purpose, or altered bytes.
var ErrUnwrap = errors.New("wrapped key does not open under this master key")

// Wrapper wraps keys under a key it does not give away. A Keyring is one; a KMS is another.
type Wrapper interface {
	// Wrap encrypts key so that only Unwrap with the same purpose opens it. Equal calls give different bytes of one length.
	Wrap(ctx context.Context, key, purpose []byte) ([]byte, error)
	// Unwrap returns the key, or an error that wraps ErrUnwrap.
	Unwrap(ctx context.Context, wrapped, purpose []byte) ([]byte, error)
}

var _ Wrapper = (*Keyring)(nil)

// Keyring is a master key held in memory. Only keys derived from it are kept: one for each use, so that no use says
// anything about another.
type Keyring struct {
	wrap    cipher.AEAD
	id      *[KeySize]byte // behind a pointer, so that no %v of a struct around it prints it
	gateway *[KeySize]byte
	state   *[KeySize]byte
}

// Labels of what is derived from the master key. They are part of the stored format.
const (
	labelWrap    = "tripod/wrap/v1"
	labelID      = "tripod/id/v1"
	labelGateway = "tripod/gateway/v1"
	labelState   = "tripod/state/v1"
)

// New makes a keyring from a master key of KeySize bytes.
func New(master []byte) (*Keyring, error) {
	if len(master) != KeySize {
		return nil, fmt.Errorf("master key: %d bytes, want %d", len(master), KeySize)
	}
	wrapKey, err := hkdf.Key(sha256.New, master, nil, labelWrap, KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive wrapping key: %w", err)
	}
	idKey, err := hkdf.Key(sha256.New, master, nil, labelID, KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive id key: %w", err)
	}
	gatewayKey, err := hkdf.Key(sha256.New, master, nil, labelGateway, KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive gateway key: %w", err)
	}
	stateKey, err := hkdf.Key(sha256.New, master, nil, labelState, KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive state key: %w", err)
	}
	block, err := aes.NewCipher(wrapKey)
	if err != nil {
		return nil, fmt.Errorf("derive wrapping key: %w", err)
	}
	// Random nonces are safe for 2^32 wraps under one key: far more containers than one installation sees.
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("derive wrapping key: %w", err)
	}
	return &Keyring{wrap: aead, id: (*[KeySize]byte)(idKey), gateway: (*[KeySize]byte)(gatewayKey), state: (*[KeySize]byte)(stateKey)}, nil
}

// Wrap implements Wrapper with AES-256-GCM; purpose is authenticated with the key.
func (k *Keyring) Wrap(_ context.Context, key, purpose []byte) ([]byte, error) {
	return k.wrap.Seal(nil, nil, key, purpose), nil
}

// Unwrap implements Wrapper.
func (k *Keyring) Unwrap(_ context.Context, wrapped, purpose []byte) ([]byte, error) {
	key, err := k.wrap.Open(nil, nil, wrapped, purpose)
	if err != nil {
		return nil, ErrUnwrap // the cause says nothing more
	}
	return key, nil
}

// IDKey is the key of keyed record ids.
func (k *Keyring) IDKey() [KeySize]byte { return *k.id }

// GatewayKey is the key by which gateways name credentials that pass through them, and placeholders for what they replace.
func (k *Keyring) GatewayKey() [KeySize]byte { return *k.gateway }

// StateKey seals what the state file holds of sign-ins and tokens.
func (k *Keyring) StateKey() [KeySize]byte { return *k.state }

// Format implements fmt.Formatter, so that no verb prints a key.
func (k *Keyring) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, secret.Redacted) }

// LogValue implements slog.LogValuer.
func (k *Keyring) LogValue() slog.Value { return slog.StringValue(secret.Redacted) }
