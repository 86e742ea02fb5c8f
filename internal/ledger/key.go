package ledger

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/tripod-audit/tripod/internal/secret"
)

// Places within the data directory.
const (
	ledgerDir      = "ledger"
	checkpointFile = "ledger/checkpoint"
	keyFile        = "keys/ledger.key"
	pubFile        = "keys/ledger.pub"
)

// key is the ledger's signing key with its verifier key, both in the form of signed notes.
type key struct {
	signer note.Signer
	vkey   string
}

// readKey reads the signing key of a data directory; an error that is fs.ErrNotExist where there is none.
func readKey(dir string) (key, error) {
	text, err := secret.ReadFile(filepath.Join(dir, filepath.FromSlash(keyFile)))
	if err != nil {
		return key{}, fmt.Errorf("read the ledger's key: %w", err)
	}
	return parseKey(text)
}

func parseKey(text secret.String) (key, error) {
	signer, err := note.NewSigner(text.Reveal())
	if err != nil {
		return key{}, errors.New("read the ledger's key: keys/ledger.key is no note signing key: restore it from a backup")
	}
	// NewSigner has checked the form, PRIVATE+KEY+name+hash+base64(algorithm ‖ seed), but does not tell the public half.
	_, seed64, _ := strings.Cut(strings.TrimPrefix(text.Reveal(), "PRIVATE+KEY+"+signer.Name()+"+"), "+")
	seed, err := base64.StdEncoding.DecodeString(seed64)
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return key{}, errors.New("read the ledger's key: keys/ledger.key is no Ed25519 key: restore it from a backup")
	}
	public, ok := ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey)
	if !ok {
		return key{}, errors.New("read the ledger's key: no Ed25519 key")
	}
	vkey, err := note.NewEd25519VerifierKey(signer.Name(), public)
	if err != nil {
		return key{}, fmt.Errorf("read the ledger's key: %w", err)
	}
	return key{signer: signer, vkey: vkey}, nil
}

// newKey makes a signing key. The origin is the log's name for ever; a random one where it is empty.
func newKey(origin string) (key, secret.String, error) {
	if origin == "" {
		var id [4]byte
		if _, err := rand.Read(id[:]); err != nil {
			return key{}, secret.String{}, fmt.Errorf("make the ledger's key: %w", err)
		}
		origin = "tripod.local/" + hex.EncodeToString(id[:])
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return key{}, secret.String{}, fmt.Errorf("make the ledger's key: %w", err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return key{}, secret.String{}, fmt.Errorf("make the ledger's key for origin %q: %w", origin, err)
	}
	return key{signer: signer, vkey: vkey}, secret.New(skey), nil
}

// ReadKey reads the verifier key a data directory keeps beside its signing key. It says who signs, not whom to trust:
// an auditor holds a copy from elsewhere.
func ReadKey(dir string) (string, error) {
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(pubFile)))
	if err != nil {
		return "", fmt.Errorf("read the ledger's verifier key: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// putVerifierKey keeps the verifier key beside the signing key, from which it follows.
func putVerifierKey(f *folder, dir, vkey string) error {
	have, err := ReadKey(dir)
	if err == nil && have == vkey {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return f.replace(pubFile, []byte(vkey+"\n"), 0o600)
}
