package correlate

import (
	"errors"
	"path/filepath"

	"github.com/tripod-audit/tripod/internal/viewfile"
)

// schema is what the file holds.
func schema() viewfile.Schema {
	return viewfile.Schema{Version: 6, SQL: clockSchema + gapSchema + ownSchema + driftSchema}
}

// clockSchema has the cursor hold the time of the journal, too: the greatest Recorded so far, in µs.
const clockSchema = `ALTER TABLE cursor ADD COLUMN clock INTEGER NOT NULL DEFAULT 0;`

const gapSchema = `
CREATE TABLE devices (
	id INTEGER PRIMARY KEY, credential TEXT NOT NULL, device TEXT NOT NULL, service TEXT NOT NULL, version TEXT NOT NULL,
	scope TEXT NOT NULL, forgetful INTEGER NOT NULL, horizon INTEGER NOT NULL,
	UNIQUE (device, service, version, scope, credential));

CREATE TABLE streams (
	id INTEGER PRIMARY KEY, device INTEGER NOT NULL, session TEXT NOT NULL, credential TEXT NOT NULL,
	account TEXT NOT NULL, account_seq INTEGER NOT NULL,
	forgetful INTEGER NOT NULL, horizon INTEGER NOT NULL, tail_hi INTEGER NOT NULL, tail_t INTEGER NOT NULL, tail_seq INTEGER NOT NULL,
	kept_gaps INTEGER NOT NULL, older TEXT NOT NULL, calls TEXT NOT NULL,
	UNIQUE (device, session, credential));
CREATE INDEX streams_account ON streams (account_seq) WHERE account_seq > 0;

CREATE TABLE stretches (
	id INTEGER PRIMARY KEY, device INTEGER NOT NULL, stream INTEGER NOT NULL, lo INTEGER NOT NULL, hi INTEGER NOT NULL,
	tlo INTEGER NOT NULL, thi INTEGER NOT NULL, seq_lo INTEGER NOT NULL, seq_hi INTEGER NOT NULL,
	born INTEGER NOT NULL, born_n INTEGER NOT NULL, born_t INTEGER NOT NULL, born_at INTEGER NOT NULL, grown_at INTEGER NOT NULL, filled_at INTEGER NOT NULL,
	floor INTEGER NOT NULL, floor_seq INTEGER NOT NULL, reported INTEGER NOT NULL);
CREATE INDEX stretches_device ON stretches (device);

CREATE TABLE calls (
	key INTEGER PRIMARY KEY, stream INTEGER NOT NULL, result INTEGER NOT NULL, due INTEGER NOT NULL, seq INTEGER NOT NULL,
	at INTEGER NOT NULL, occurred INTEGER NOT NULL, tool_use TEXT NOT NULL);
CREATE INDEX calls_stream ON calls (stream, result, due);
CREATE INDEX calls_due ON calls (at) WHERE result = 0 AND due = 0;

CREATE TABLE erased (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, until INTEGER NOT NULL);

CREATE TABLE discrepancies (
	id TEXT PRIMARY KEY, kind TEXT NOT NULL, session TEXT NOT NULL, other_session TEXT NOT NULL, closed INTEGER NOT NULL, at INTEGER NOT NULL,
	provisional_until INTEGER NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, account_seq INTEGER NOT NULL,
	body TEXT NOT NULL);
CREATE INDEX discrepancies_at ON discrepancies (at);
CREATE INDEX discrepancies_session ON discrepancies (session) WHERE session <> '';
CREATE INDEX discrepancies_other_session ON discrepancies (other_session) WHERE other_session <> '';
CREATE INDEX discrepancies_first ON discrepancies (first_seq);
CREATE INDEX discrepancies_last ON discrepancies (last_seq);
CREATE INDEX discrepancies_account ON discrepancies (account_seq) WHERE account_seq > 0;
`

// Path tells where the view's file lies in a data directory.
func Path(dir string) string { return filepath.Join(dir, "correlate.db") }

// ErrNoIndex says that the view was never built here, or by another version of tripod.
var ErrNoIndex = errors.New("no index of discrepancies: start serve, or run tripod rebuild correlate")
