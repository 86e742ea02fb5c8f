package detect

import (
	"path/filepath"

	"github.com/tripod-audit/tripod/internal/viewfile"
)

// schema is what the file holds. Groups are digests of their values; of records there are positions, times and digests.
func schema() viewfile.Schema {
	return viewfile.Schema{Version: 1, SQL: `
ALTER TABLE cursor ADD COLUMN clock INTEGER NOT NULL DEFAULT 0;
ALTER TABLE cursor ADD COLUMN stats TEXT NOT NULL DEFAULT '{}';

CREATE TABLE firings (
	id TEXT PRIMARY KEY, seq INTEGER NOT NULL, rule TEXT NOT NULL, severity TEXT NOT NULL, at INTEGER NOT NULL,
	count INTEGER NOT NULL, erased INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL);
CREATE INDEX firings_seq ON firings (seq, id);
CREATE INDEX firings_at ON firings (at, id);
CREATE INDEX firings_rule ON firings (rule, at);

CREATE TABLE firing_seqs (id TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (id, seq)) WITHOUT ROWID;
CREATE INDEX firing_seqs_seq ON firing_seqs (seq);

CREATE TABLE events (
	n INTEGER PRIMARY KEY, correlation TEXT NOT NULL, grp TEXT NOT NULL, seq INTEGER NOT NULL, part INTEGER NOT NULL,
	at INTEGER NOT NULL, came INTEGER NOT NULL, digest INTEGER NOT NULL, number REAL NOT NULL);
CREATE INDEX events_seq ON events (seq, correlation);

CREATE TABLE groups (
	correlation TEXT NOT NULL, grp TEXT NOT NULL, vals TEXT NOT NULL, vals_of INTEGER NOT NULL,
	seen INTEGER NOT NULL, seen_came INTEGER NOT NULL, state BLOB, PRIMARY KEY (correlation, grp)) WITHOUT ROWID;
CREATE INDEX groups_vals ON groups (vals_of) WHERE vals_of > 0;

CREATE TABLE episodes (
	id TEXT PRIMARY KEY, correlation TEXT NOT NULL, grp TEXT NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL,
	came INTEGER NOT NULL, counted INTEGER NOT NULL, count INTEGER NOT NULL, kept INTEGER NOT NULL);

CREATE TABLE hours (rule TEXT PRIMARY KEY, at INTEGER NOT NULL, n INTEGER NOT NULL);
`}
}

// Path tells where the view's file lies in a data directory.
func Path(dir string) string { return filepath.Join(dir, "detect.db") }
