package journal

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// applicationID marks the file as a journal of Tripod ("TRPJ").
const applicationID = 0x5452504a

// migrations take the file from one user_version to the next. They only ever grow: a file is never taken back, and a
// build that knows fewer of them than the file has seen refuses it.
func migrations() []string {
	return []string{`
CREATE TABLE frames (
	first    INTEGER PRIMARY KEY, -- seq of its first record
	count    INTEGER NOT NULL,    -- records and tombstones in it
	recorded INTEGER NOT NULL,    -- the newest time of recording in it, Unix milliseconds
	ids      BLOB NOT NULL,       -- 16 bytes a record, zeros where the window does not keep it; empty if it keeps none
	frame    BLOB NOT NULL
) STRICT;
CREATE TABLE salts (
	seq  INTEGER PRIMARY KEY,
	salt BLOB NOT NULL            -- 16 bytes, overwritten with zeros when the record is erased
) STRICT;
CREATE TABLE moved (
	id    INTEGER PRIMARY KEY,
	frame BLOB NOT NULL           -- a rewritten frame that no longer fits its row; see moved.go
) STRICT;
CREATE TABLE forever (
	id   BLOB NOT NULL,
	body BLOB NOT NULL,
	seq  INTEGER NOT NULL,
	PRIMARY KEY (id, body)
) STRICT, WITHOUT ROWID;
CREATE TABLE cursors (
	name  TEXT NOT NULL PRIMARY KEY,
	value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
`}
}

// Measured with 4, 8 and 16 KiB: equally fast; with 4 KiB small commits write least, and the end of a frame wastes least.
const pageSize = 4 << 10

// The log is folded into the file every 4 MiB, in the commit that reaches it (about 8 ms): small and often, so that no
// caller waits long.
const checkpointPages = 4 << 20 / pageSize

// Nobody else writes, unless an administrator opens the file with tools of his own: milliseconds to wait for him.
const writerBusyTimeout = 2000

func writerDSN(path string, maxPages int) string {
	// secure_delete: what is overwritten or freed becomes zeros. temp_store: what SQLite keeps aside for a rollback stays
	// in memory, so that nothing erased survives in a temporary file.
	pragmas := []string{
		fmt.Sprintf("busy_timeout(%d)", writerBusyTimeout), "journal_mode(WAL)", "synchronous(FULL)", "secure_delete(ON)", "temp_store(MEMORY)",
		"cache_size(-8000)", "journal_size_limit(67108864)", fmt.Sprintf("wal_autocheckpoint(%d)", checkpointPages),
	}
	if maxPages > 0 {
		pragmas = append(pragmas, fmt.Sprintf("max_page_count(%d)", maxPages))
	}
	return dsn(path, "rw", pragmas)
}

func readerDSN(path string) string {
	return dsn(path, "ro", []string{"busy_timeout(5000)", "query_only(1)", "temp_store(MEMORY)"})
}

func dsn(path, mode string, pragmas []string) string {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path)}
	if !strings.HasPrefix(u.Path, "/") {
		u.Path = "/" + u.Path // a Windows drive
	}
	q := url.Values{"mode": {mode}, "_pragma": pragmas}
	return u.String() + "?" + q.Encode()
}

// prepareFile makes a new journal or brings an older one up to date. Nothing is written to a file it refuses.
func prepareFile(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", dsn(path, "rw", []string{"busy_timeout(2000)", "secure_delete(ON)", "synchronous(FULL)"}))
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	defer db.Close()
	version, err := checkVersion(ctx, db, path)
	if err != nil {
		return err
	}
	all := migrations()
	if version == len(all) {
		return nil
	}
	if version == 0 {
		if err := execAll(ctx, db, fmt.Sprintf("PRAGMA page_size=%d", pageSize), "PRAGMA journal_mode=WAL"); err != nil {
			return fmt.Errorf("create %s: %w", path, err)
		}
	}
	for ; version < len(all); version++ {
		err := execAll(ctx, db, fmt.Sprintf("BEGIN IMMEDIATE;%s;PRAGMA application_id=%d;PRAGMA user_version=%d;COMMIT",
			all[version], applicationID, version+1))
		if err != nil {
			return fmt.Errorf("migrate %s to version %d: %w", path, version+1, err)
		}
	}
	return nil
}

// checkVersion tells how many migrations the file has seen; 0 for an empty one.
func checkVersion(ctx context.Context, db *sql.DB, path string) (int, error) {
	var app, version, tables int
	for _, q := range []struct {
		query string
		into  *int
	}{
		{"PRAGMA application_id", &app},
		{"PRAGMA user_version", &version},
		{"SELECT count(*) FROM sqlite_schema", &tables},
	} {
		if err := db.QueryRowContext(ctx, q.query).Scan(q.into); err != nil {
			return 0, fmt.Errorf("open %s: %w", path, err)
		}
	}
	switch {
	case tables == 0 && version == 0:
		return 0, nil
	case app != applicationID:
		return 0, fmt.Errorf("open %s: this is not a journal of tripod", path)
	case version > len(migrations()):
		return 0, fmt.Errorf("open %s: its version is %d, this build knows %d: use the newer tripod: %w",
			path, version, len(migrations()), ErrNewer)
	}
	return version, nil
}

func execAll(ctx context.Context, db *sql.DB, queries ...string) error {
	for _, q := range queries {
		if _, err := db.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	return nil
}
