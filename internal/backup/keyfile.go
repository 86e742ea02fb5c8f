package backup

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/keyring"
)

// A file of keys is a line that says so, and then chunks: each a uvarint length and a part as in segment.go, of one of these.
const (
	keysHead             = "tripod-keys/v1\n"
	kindSecrets     Kind = "secrets" // name and bytes of files of DIR/keys
	kindMasterCheck Kind = "master"
	kindWrapped     Kind = "wrapped"
	maxChunk             = 64 << 20
)

// keyFiles are the files of DIR/keys that go along; the master key and containers.db go their own ways.
func keyFiles() []string { return []string{"ledger.key", "ledger.pub", keyring.DerivedFile} }

// copyKeys writes the file of keys, and that of the master key if it goes along.
func (b *run) copyKeys(ctx context.Context) error {
	sum := sha256.New()
	err := b.repo.stream(func(w io.Writer) error {
		s, err := newSealed(io.MultiWriter(w, sum), b.opts.KeysTo)
		if err != nil {
			return err
		}
		return errors.Join(b.writeKeys(ctx, s), s.Close())
	}, keysDir, b.m.ID+".age")
	if err != nil {
		return err
	}
	b.m.KeyFile = hex.EncodeToString(sum.Sum(nil))
	if b.opts.Master.Reveal() == "" {
		return nil
	}
	data, err := seal([]byte(b.opts.Master.Reveal()), b.opts.KeysTo)
	if err != nil {
		return err
	}
	b.m.MasterFile = digestOf(data)
	return b.repo.put(data, keysDir, b.m.ID+".master.age")
}

func (b *run) writeKeys(ctx context.Context, w io.Writer) error {
	if _, err := io.WriteString(w, keysHead); err != nil {
		return err
	}
	chunk := func(e *encoder) error {
		_, err := w.Write(append(binary.AppendUvarint(nil, uint64(len(e.b))), e.b...))
		return err
	}
	e := newEncoder(kindSecrets)
	for _, name := range keyFiles() {
		text, err := os.ReadFile(filepath.Join(b.src.Dir, keyring.Dir, name))
		if missing(err) {
			continue
		}
		if err != nil {
			return err
		}
		e.bytes([]byte(name))
		e.bytes(text)
	}
	if err := chunk(e); err != nil {
		return err
	}
	check, err := b.src.Content.MasterCheck(ctx)
	if err != nil {
		return err
	}
	e = newEncoder(kindMasterCheck)
	e.bytes(check)
	if err := chunk(e); err != nil {
		return err
	}
	for after := int64(0); ; {
		keys, err := b.src.Content.WrappedKeys(ctx, after, 10_000)
		if err != nil || len(keys) == 0 {
			return err
		}
		after = keys[len(keys)-1].ID
		if err := chunk(encodeWrapped(keys)); err != nil {
			return err
		}
	}
}

func encodeWrapped(keys []content.WrappedKey) *encoder {
	e := newEncoder(kindWrapped)
	for i := range keys {
		k := &keys[i]
		e.number(uint64(k.ID))
		e.bytes([]byte(k.Container))
		e.bytes(k.Wrapped)
		e.number(uint64(len(k.Erased)))
		for _, a := range k.Erased {
			e.bytes(a)
		}
	}
	return e
}

func decodeWrapped(b []byte) (keys []content.WrappedKey, err error) {
	d := newDecoder(kindWrapped, b)
	for d.more() {
		k := content.WrappedKey{ID: int64(d.number()), Container: string(d.bytes()), Wrapped: d.bytes()}
		for n := d.number(); n > 0 && d.err == nil; n-- {
			k.Erased = append(k.Erased, d.bytes())
		}
		keys = append(keys, k)
	}
	return keys, d.err
}

// keysOf is a file of keys as it is read: what is small at once, wrapped keys chunk by chunk.
type keyFile struct {
	secrets map[string][]byte
	check   []byte // recognises the master key; empty where nothing was ever wrapped
	in      *bufio.Reader
	close   func() error
}

// openKeys opens the file of keys of a backup. It is nil, without an error, where the file is gone.
func (r *Repository) openKeys(id string, with Identities) (*keyFile, error) {
	f, err := os.Open(r.path(keysDir, id+".age"))
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the file of keys: %w", err)
	}
	if err := r.checkKeys(id, f); err != nil {
		return nil, errors.Join(fmt.Errorf("file of keys %s.age: %w", id, err), f.Close())
	}
	in, err := unseal(bufio.NewReader(f), with)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("file of keys %s.age: %w", id, err), f.Close())
	}
	k, err := readKeyFile(in)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("file of keys %s.age: %w", id, err), in.Close(), f.Close())
	}
	k.close = func() error { return errors.Join(in.Close(), f.Close()) }
	return k, nil
}

// checkKeys holds a file of keys against what the backup's manifest says of it: one that was put in its place may be older, and hold
// keys that were destroyed since.
func (r *Repository) checkKeys(id string, f *os.File) error {
	m, err := r.Manifest(id)
	if err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != m.KeyFile {
		return errors.New("it is not what the manifest says: it was altered or is damaged")
	}
	_, err = f.Seek(0, io.SeekStart)
	return err
}

func readKeyFile(r io.Reader) (*keyFile, error) {
	k := &keyFile{secrets: make(map[string][]byte), in: bufio.NewReader(r)}
	head := make([]byte, len(keysHead))
	if _, err := io.ReadFull(k.in, head); err != nil || string(head) != keysHead {
		return nil, errors.New("it is none of tripod's")
	}
	b, err := k.chunk()
	if err != nil {
		return nil, err
	}
	d := newDecoder(kindSecrets, b)
	for d.more() {
		name := string(d.bytes())
		k.secrets[name] = d.bytes()
	}
	if d.err != nil {
		return nil, d.err
	}
	if b, err = k.chunk(); err != nil {
		return nil, err
	}
	d = newDecoder(kindMasterCheck, b)
	k.check = d.bytes()
	return k, d.err
}

// wrapped hands out the wrapped keys.
func (k *keyFile) wrapped(each func([]content.WrappedKey) error) error {
	for {
		b, err := k.chunk()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		keys, err := decodeWrapped(b)
		if err != nil {
			return err
		}
		if err := each(keys); err != nil {
			return err
		}
	}
}

// chunk reads the next chunk; io.EOF at the end.
func (k *keyFile) chunk() ([]byte, error) {
	n, err := binary.ReadUvarint(k.in)
	if err != nil {
		return nil, err // io.EOF before the first byte is the end
	}
	if n > maxChunk {
		return nil, fmt.Errorf("a chunk of %d bytes", n)
	}
	b, err := io.ReadAll(io.LimitReader(k.in, int64(n)))
	if err != nil {
		return nil, err
	}
	if uint64(len(b)) != n {
		return nil, io.ErrUnexpectedEOF
	}
	return b, nil
}
