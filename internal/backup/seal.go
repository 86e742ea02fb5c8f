package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"github.com/tripod-audit/tripod/internal/secret"
)

// Recipients are to whom parts are sealed.
type Recipients []age.Recipient

// Identities open what was sealed.
type Identities []age.Identity

// ParseRecipients reads public keys, "age1…", one a line or one a string; lines that begin with # are comments.
func ParseRecipients(texts ...string) (Recipients, error) {
	var list Recipients
	for i, text := range texts {
		r, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil { // it may be an identity, given by mistake: it is not quoted
			return nil, fmt.Errorf("recipient %d of %d: not a public key of age (age1…)", i+1, len(texts))
		}
		list = append(list, r...)
	}
	return list, nil
}

// ReadIdentities reads files of private keys, "AGE-SECRET-KEY-…", mode 0600.
func ReadIdentities(files ...string) (Identities, error) {
	var list Identities
	for _, file := range files {
		text, err := secret.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read identity: %w", err)
		}
		ids, err := age.ParseIdentities(strings.NewReader(text.Reveal()))
		if err != nil {
			return nil, fmt.Errorf("read identity %s: it holds no private key of age (AGE-SECRET-KEY-…)", file)
		}
		list = append(list, ids...)
	}
	return list, nil
}

// NewIdentity makes a private key in a file that must not exist yet (0600), and returns the public one.
func NewIdentity(file string) (recipient string, err error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return "", fmt.Errorf("make identity: %w", err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("make identity: %w", err)
	}
	recipient = id.Recipient().String()
	_, err = fmt.Fprintf(f, "# public key: %s\n%s\n", recipient, id)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", fmt.Errorf("make identity: %w", err)
	}
	return recipient, nil
}

// sealed is a stream that compresses and seals what is written to it.
type sealed struct {
	zstd *zstd.Encoder
	age  io.WriteCloser
}

func newSealed(w io.Writer, to Recipients) (*sealed, error) {
	if len(to) == 0 {
		return nil, errors.New("nobody to seal to: name a recipient")
	}
	a, err := age.Encrypt(w, to...)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	z, err := zstd.NewWriter(a, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return &sealed{z, a}, nil
}

func (s *sealed) Write(b []byte) (int, error) { return s.zstd.Write(b) }

func (s *sealed) Close() error { return errors.Join(s.zstd.Close(), s.age.Close()) }

// seal is newSealed for what is in memory.
func seal(plain []byte, to Recipients) ([]byte, error) {
	var b bytes.Buffer
	s, err := newSealed(&b, to)
	if err != nil {
		return nil, err
	}
	_, err = s.Write(plain)
	if err := errors.Join(err, s.Close()); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return b.Bytes(), nil
}

// errNotOurs says that no identity given opens a file.
var errNotOurs = errors.New("no identity given opens it: give the one whose public key it was sealed to with --identity")

// unseal opens a sealed stream. Memory for decompression is bounded; how much comes out is for the caller to bound.
func unseal(r io.Reader, with Identities) (io.ReadCloser, error) {
	if len(with) == 0 {
		return nil, errNotOurs
	}
	a, err := age.Decrypt(r, with...)
	if err != nil {
		var none *age.NoIdentityMatchError
		if errors.As(err, &none) {
			return nil, errNotOurs
		}
		return nil, fmt.Errorf("unseal: %w", err)
	}
	z, err := zstd.NewReader(a, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(64<<20), zstd.WithDecoderMaxMemory(1<<30))
	if err != nil {
		return nil, fmt.Errorf("unseal: %w", err)
	}
	return z.IOReadCloser(), nil
}

// unsealAll is unseal for what is to fit into memory: at most limit bytes.
func unsealAll(b []byte, with Identities, limit int64) ([]byte, error) {
	r, err := unseal(bytes.NewReader(b), with)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	plain, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("unseal: %w", err)
	}
	if int64(len(plain)) > limit {
		return nil, fmt.Errorf("unseal: more than %d bytes", limit)
	}
	return plain, nil
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
