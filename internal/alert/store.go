package alert

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver
)

// FileName is the name of the outbox's file in the data directory.
const FileName = "alerts.db"

const storeVersion = 1

// Times are Unix milliseconds. told and told_severity are what channels were last told of an alert, "" for nothing; over says that they need not be told
// more unless it fires again or somebody decides. A message is due until sent or dead is set; a bare one names nobody.
const storeSchema = `
CREATE TABLE taken (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, firing TEXT NOT NULL);
INSERT INTO taken VALUES (1, 0, '');
CREATE TABLE alerts (
	id TEXT PRIMARY KEY, rule TEXT NOT NULL, title TEXT NOT NULL, severity TEXT NOT NULL, grp TEXT NOT NULL, opened INTEGER NOT NULL, latest INTEGER NOT NULL, at INTEGER NOT NULL, count INTEGER NOT NULL,
	first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, first TEXT NOT NULL, last TEXT NOT NULL, told TEXT NOT NULL, told_severity TEXT NOT NULL, over INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX alerts_by_group ON alerts (rule, grp, opened);
CREATE INDEX alerts_by_latest ON alerts (latest);
CREATE TABLE messages (
	n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, alert TEXT NOT NULL, channel TEXT NOT NULL, event TEXT NOT NULL, made INTEGER NOT NULL, due INTEGER NOT NULL,
	bare INTEGER NOT NULL, attempts INTEGER NOT NULL, sent INTEGER NOT NULL, dead INTEGER NOT NULL, error TEXT NOT NULL
);
CREATE INDEX messages_due ON messages (channel, n) WHERE sent = 0 AND dead = 0;
CREATE INDEX messages_by_alert ON messages (alert, n);
`

// store is DIR/alerts.db.
type store struct{ db *sql.DB }

// Path is where the outbox's file is.
func Path(dir string) string { return filepath.Join(dir, FileName) }

// openStore opens the file, and makes it where it is not there and is to be written.
func openStore(ctx context.Context, path string, readOnly bool) (*store, error) {
	q := url.Values{"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "secure_delete(1)"}, "_txlock": {"immediate"}}
	if readOnly {
		if _, err := os.Stat(path); err != nil {
			return nil, err
		}
		q = url.Values{"_pragma": {"busy_timeout(5000)", "query_only(1)"}}
	} else {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) // SQLite gives the log beside it the same mode
		if err != nil {
			return nil, err
		}
		if err := errors.Join(file.Chmod(0o600), file.Close()); err != nil {
			return nil, err
		}
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	s := &store{db: db}
	if err := s.prepare(ctx, readOnly); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func (s *store) prepare(ctx context.Context, readOnly bool) error {
	var version int
	if err := s.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	switch {
	case version > storeVersion:
		return fmt.Errorf("it is of version %d, and this program knows %d: use the newer program", version, storeVersion)
	case version == storeVersion:
		return nil
	case readOnly:
		return os.ErrNotExist
	}
	_, err := s.db.ExecContext(ctx, fmt.Sprintf("BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT", storeSchema, storeVersion))
	return err
}

func (s *store) close() error { return s.db.Close() }

// within runs fn in a transaction and commits if it returns nil.
func (s *store) within(ctx context.Context, fn func(tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

const alertColumns = `SELECT id, rule, title, severity, grp, opened, latest, at, count, first_seq, last_seq, first, last FROM alerts `

type scanner interface{ Scan(...any) error }

func scanAlert(row scanner) (a Alert, err error) {
	var opened, latest, at int64
	err = row.Scan(&a.ID, &a.Rule, &a.Title, &a.Severity, &a.group, &opened, &latest, &at, &a.Count, &a.FirstSeq, &a.LastSeq, &a.first, &a.last)
	a.Opened, a.Latest, a.At = moment(opened), moment(latest), moment(at)
	return a, err
}

func moment(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func alerts(ctx context.Context, q querier, where string, args ...any) (list []Alert, err error) {
	rows, err := q.QueryContext(ctx, alertColumns+where, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		a, err := scanAlert(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, rows.Err()
}

// taken is up to where firings were taken in.
func (s *store) taken(ctx context.Context) (p Place, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT seq, firing FROM taken`).Scan(&p.Seq, &p.ID)
	return p, err
}

// put writes an alert.
func put(ctx context.Context, tx *sql.Tx, a *Alert) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', 0)
		ON CONFLICT (id) DO UPDATE SET title = excluded.title, severity = excluded.severity, latest = excluded.latest, at = excluded.at, count = excluded.count, last_seq = excluded.last_seq, last = excluded.last, over = 0`,
		a.ID, a.Rule, a.Title, string(a.Severity), a.group, a.Opened.UnixMilli(), a.Latest.UnixMilli(), a.At.UnixMilli(), a.Count, int64(a.FirstSeq), int64(a.LastSeq), a.first, a.last)
	return err
}

// queue puts a message where it is to be sent; where one of the same id was put before, that is all. bare: it is cut to what names nobody.
func queue(ctx context.Context, tx *sql.Tx, channel, alert string, event Event, n uint64, bare bool, now time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO messages (id, alert, channel, event, made, due, bare, attempts, sent, dead, error) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, 0, '') ON CONFLICT (id) DO NOTHING`,
		messageID(channel, alert, event, n), alert, channel, string(event), now.UnixMilli(), now.UnixMilli(), bare)
	return err
}
