package organisation

import (
	"context"
	"path/filepath"

	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/viewfile"
)

// schema is what the file holds. Times are µs since 1970. Rows that sum up several records carry the first and the last
// position they rest on, 0 once that was erased; rows that stand for one record carry its position. joined says that a sweep
// before did not list the thing: it was not merely found by the first. A setting's found says that the value was found as it is: it
// may have stood before. gone is when a sweep no longer showed it, by the record gone_seq; 0 is shown.
func schema() viewfile.Schema {
	return viewfile.Schema{Version: 3, SQL: `
CREATE TABLE accounts (id INTEGER PRIMARY KEY, anchor TEXT NOT NULL UNIQUE);
CREATE TABLE sightings (
	account INTEGER NOT NULL, plane TEXT NOT NULL, proved INTEGER NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,
	first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, PRIMARY KEY (account, plane, proved)) WITHOUT ROWID;
CREATE TABLE aliases (
	account INTEGER NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL, proved INTEGER NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,
	first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, PRIMARY KEY (account, kind, value, proved)) WITHOUT ROWID;
CREATE TABLE owners (
	container TEXT NOT NULL, account INTEGER NOT NULL, proved INTEGER NOT NULL, created INTEGER NOT NULL, first_at INTEGER NOT NULL,
	last_at INTEGER NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, PRIMARY KEY (container, account, proved)) WITHOUT ROWID;

CREATE TABLE entities (
	kind TEXT NOT NULL, org TEXT NOT NULL, id TEXT NOT NULL, present INTEGER NOT NULL, joined INTEGER NOT NULL, first_at INTEGER NOT NULL, changed_at INTEGER NOT NULL,
	fields TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (kind, org, id)) WITHOUT ROWID;
CREATE TABLE account_log (
	seq INTEGER NOT NULL, n INTEGER NOT NULL, subject TEXT NOT NULL, at INTEGER NOT NULL, what TEXT NOT NULL, type TEXT NOT NULL, detail TEXT NOT NULL,
	was TEXT NOT NULL, by TEXT NOT NULL, PRIMARY KEY (seq, n)) WITHOUT ROWID;
CREATE INDEX account_log_subject ON account_log (subject);

CREATE TABLE settings (
	org TEXT NOT NULL, name TEXT NOT NULL, snapshot INTEGER NOT NULL, value TEXT NOT NULL, told INTEGER NOT NULL, gone INTEGER NOT NULL,
	since INTEGER NOT NULL, found INTEGER NOT NULL, at INTEGER NOT NULL, judged INTEGER NOT NULL, expected TEXT NOT NULL, drift INTEGER NOT NULL, baseline TEXT NOT NULL,
	severity TEXT NOT NULL, reason TEXT NOT NULL, by TEXT NOT NULL, seq INTEGER NOT NULL, gone_seq INTEGER NOT NULL, PRIMARY KEY (org, name, snapshot)) WITHOUT ROWID;
CREATE TABLE setting_log (
	seq INTEGER NOT NULL, n INTEGER NOT NULL, org TEXT NOT NULL, name TEXT NOT NULL, snapshot INTEGER NOT NULL, at INTEGER NOT NULL,
	change TEXT NOT NULL, previous TEXT NOT NULL, value TEXT NOT NULL, told INTEGER NOT NULL, drift INTEGER NOT NULL, type TEXT NOT NULL,
	by TEXT NOT NULL, PRIMARY KEY (seq, n)) WITHOUT ROWID;
CREATE INDEX setting_log_at ON setting_log (at);

CREATE TABLE key_log (
	seq INTEGER PRIMARY KEY, key TEXT NOT NULL, kind TEXT NOT NULL, what TEXT NOT NULL, at INTEGER NOT NULL, by TEXT NOT NULL, detail TEXT NOT NULL);
CREATE TABLE calls (
	caller TEXT NOT NULL, method TEXT NOT NULL, route TEXT NOT NULL, n INTEGER NOT NULL, refused INTEGER NOT NULL, first_at INTEGER NOT NULL,
	last_at INTEGER NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, PRIMARY KEY (caller, method, route)) WITHOUT ROWID;
CREATE TABLE addresses (
	caller TEXT NOT NULL, ip TEXT NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, first_seq INTEGER NOT NULL,
	last_seq INTEGER NOT NULL, PRIMARY KEY (caller, ip)) WITHOUT ROWID;
CREATE TABLE call_ids (caller TEXT NOT NULL, slot INTEGER NOT NULL, id TEXT NOT NULL, run TEXT NOT NULL, PRIMARY KEY (caller, slot)) WITHOUT ROWID;
CREATE INDEX call_ids_id ON call_ids (id);
CREATE TABLE own_ids (slot INTEGER PRIMARY KEY, id TEXT NOT NULL, run TEXT NOT NULL);
CREATE INDEX own_ids_id ON own_ids (id);
CREATE TABLE own_callers (caller TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
`}
}

// Path tells where the view's file lies in a data directory.
func Path(dir string) string { return filepath.Join(dir, "organisation.db") }

// Rebuild builds the view of the data directory from the whole journal, beside the one there is, and then takes its place;
// see viewfile.Rebuild.
func Rebuild(ctx context.Context, dir string, r *journal.Reader, progress func(done, last uint64)) error {
	return viewfile.Rebuild(ctx, Path(dir), func(path string) (*View, error) { return open(ctx, path, Options{}) }, r, progress)
}
