package signin

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/tripod-audit/tripod/internal/access"
)

// FileName is the state file inside a data directory.
const FileName = "state.db"

const stateVersion = 1

const stateSchema = `CREATE TABLE sign_ins (id TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID;`

// stateFile keeps sign-ins across a restart. Rows are sealed, so that none can be made, altered or moved to another id
// without the key. A nil one keeps nothing.
type stateFile struct {
	db   *sql.DB
	aead cipher.AEAD
}

// row is what is sealed. It is part of the stored format.
type row struct {
	Digest    []byte        `json:"digest"`
	Seq       uint64        `json:"seq"`
	Person    access.Person `json:"person"`
	CSRF      string        `json:"csrf"`
	Began     time.Time     `json:"began"`
	Until     time.Time     `json:"until"`
	From      From          `json:"from"`
	Bootstrap bool          `json:"bootstrap,omitempty"`
	SID       string        `json:"sid,omitempty"`
	Hint      string        `json:"hint,omitempty"`
	Used      time.Time     `json:"used,omitzero"`
}

func openStateFile(ctx context.Context, dir string, key *[32]byte) (*stateFile, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	// Random nonces are safe for 2^32 rows under one key.
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, FileName)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) // SQLite gives the log beside it the same mode
	if err != nil {
		return nil, fmt.Errorf("open state file: %w", err)
	}
	if err := errors.Join(file.Chmod(0o600), file.Close()); err != nil {
		return nil, fmt.Errorf("protect state file: %w", err)
	}
	q := url.Values{"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(NORMAL)", "secure_delete(1)"}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("open state file: %w", err)
	}
	db.SetMaxOpenConns(1)
	f := &stateFile{db: db, aead: aead}
	if err := f.prepare(ctx); err != nil {
		return nil, fmt.Errorf("open state file %s: %w", path, errors.Join(err, db.Close()))
	}
	return f, nil
}

func (f *stateFile) prepare(ctx context.Context) error {
	var version int
	if err := f.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	switch {
	case version > stateVersion:
		return fmt.Errorf("it is of version %d, and this program knows %d: use the newer program", version, stateVersion)
	case version == stateVersion:
		return nil
	}
	_, err := f.db.ExecContext(ctx, fmt.Sprintf("BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT", stateSchema, stateVersion))
	return err
}

func (f *stateFile) put(ctx context.Context, s *Session) error {
	if f == nil {
		return nil
	}
	used := s.used.at.Load()
	plain, err := json.Marshal(row{
		Used: time.Unix(0, used).UTC(), Digest: s.digest[:], Seq: s.seq, Person: s.Person, CSRF: s.CSRF, Began: s.Began, Until: s.Until, From: s.From, Bootstrap: s.bootstrap, SID: s.sid, Hint: s.hint,
	})
	if err != nil {
		return err
	}
	if _, err = f.db.ExecContext(ctx, `INSERT OR REPLACE INTO sign_ins VALUES (?, ?)`, s.ID, f.aead.Seal(nil, nil, plain, []byte(s.ID))); err != nil {
		return err
	}
	s.used.saved.Store(used)
	return nil
}

func (f *stateFile) remove(ctx context.Context, id string) error {
	if f == nil {
		return nil
	}
	_, err := f.db.ExecContext(ctx, `DELETE FROM sign_ins WHERE id = ?`, id)
	return err
}

// load reads every row that opens, and the ids of those that do not.
func (f *stateFile) load(ctx context.Context) (list []*Session, broken []string, err error) {
	if f == nil {
		return nil, nil, nil
	}
	rows, err := f.db.QueryContext(ctx, `SELECT id, sealed FROM sign_ins`)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id string
		var sealed []byte
		if err := rows.Scan(&id, &sealed); err != nil {
			return nil, nil, err
		}
		if s := f.open(id, sealed); s != nil {
			list = append(list, s)
		} else {
			broken = append(broken, id)
		}
	}
	return list, broken, rows.Err()
}

func (f *stateFile) open(id string, sealed []byte) *Session {
	plain, err := f.aead.Open(nil, nil, sealed, []byte(id))
	var r row
	if err != nil || json.Unmarshal(plain, &r) != nil || len(r.Digest) != len(digest{}) {
		return nil
	}
	if r.Used.IsZero() {
		r.Used = r.Began
	}
	return &Session{
		used: usedAt(r.Used), ID: id, digest: digest(r.Digest), seq: r.Seq, Person: r.Person, CSRF: r.CSRF, Began: r.Began, Until: r.Until, From: r.From, bootstrap: r.Bootstrap, sid: r.SID, hint: r.Hint,
	}
}

func (f *stateFile) close() error {
	if f == nil {
		return nil
	}
	return f.db.Close()
}
