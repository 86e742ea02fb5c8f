package correlate

import (
	"context"
	"fmt"
)

const ownSchema = `
CREATE TABLE own_runs (
	run TEXT PRIMARY KEY, credential TEXT NOT NULL, host TEXT NOT NULL, seq INTEGER NOT NULL, bound INTEGER NOT NULL,
	high INTEGER NOT NULL, last INTEGER NOT NULL, first INTEGER NOT NULL);
CREATE TABLE own_keys (key TEXT PRIMARY KEY, since INTEGER NOT NULL);

CREATE TABLE own_made (
	run TEXT NOT NULL, number INTEGER NOT NULL, request TEXT NOT NULL, status INTEGER NOT NULL, date INTEGER NOT NULL,
	recorded INTEGER NOT NULL, seq INTEGER NOT NULL, shown INTEGER NOT NULL, address TEXT NOT NULL, window TEXT NOT NULL,
	PRIMARY KEY (run, number)) WITHOUT ROWID;
CREATE INDEX own_made_request ON own_made (request) WHERE request <> '';
CREATE INDEX own_made_recorded ON own_made (recorded);
CREATE INDEX own_made_window ON own_made (window) WHERE window <> '';

CREATE TABLE own_shown (
	seq INTEGER PRIMARY KEY, key TEXT NOT NULL, request TEXT NOT NULL, run TEXT NOT NULL, number INTEGER NOT NULL,
	occurred INTEGER NOT NULL, recorded INTEGER NOT NULL, method TEXT NOT NULL, route TEXT NOT NULL, address TEXT NOT NULL,
	agent TEXT NOT NULL, dsc TEXT NOT NULL, judged INTEGER NOT NULL, why TEXT NOT NULL);
CREATE INDEX own_shown_request ON own_shown (request);
CREATE INDEX own_shown_run ON own_shown (run, number) WHERE run <> '';
CREATE INDEX own_shown_key ON own_shown (key, recorded);
CREATE INDEX own_shown_due ON own_shown (recorded) WHERE judged = 0;
CREATE INDEX own_shown_dsc ON own_shown (dsc);

CREATE TABLE own_groups (id TEXT PRIMARY KEY, late INTEGER NOT NULL, late_at INTEGER NOT NULL, over INTEGER NOT NULL, over_seq INTEGER NOT NULL);
CREATE TABLE own_windows (
	id TEXT PRIMARY KEY, credential TEXT NOT NULL, begins INTEGER NOT NULL, ends INTEGER NOT NULL, recorded INTEGER NOT NULL, late INTEGER NOT NULL);
`

const madeColumns = `run, number, request, status, date, recorded, seq, shown, address, window`

func scanMade(scan func(...any) error) (*madeCall, error) {
	m := &madeCall{}
	return m, scan(&m.run, &m.number, &m.request, &m.status, &m.date, &m.recorded, &m.seq, &m.shown, &m.address, &m.window)
}

// readMade reads one call on our record, the first that answers the condition.
func readMade(ctx context.Context, tx *transaction, where string, args ...any) (m *madeCall, found bool, err error) {
	err = tx.Rows(ctx, `SELECT `+madeColumns+` FROM own_made WHERE `+where+` LIMIT 1`, args, func(scan func(...any) error) error {
		m, err = scanMade(scan)
		found = true
		return err
	})
	return m, found, err
}

const shownColumns = `seq, key, request, run, number, occurred, recorded, method, route, address, agent, dsc, why`

func scanShown(scan func(...any) error) (*shownCall, error) {
	s := &shownCall{}
	return s, scan(&s.seq, &s.key, &s.request, &s.run, &s.number, &s.occurred, &s.recorded, &s.method, &s.route, &s.address, &s.agent, &s.group, &s.why)
}

// listShown lists calls of the feed that no record of ours explains.
func listShown(ctx context.Context, tx *transaction, where string, args ...any) (list []*shownCall, err error) {
	err = tx.Rows(ctx, `SELECT `+shownColumns+` FROM own_shown WHERE `+where, args, func(scan func(...any) error) error {
		s, err := scanShown(scan)
		list = append(list, s)
		return err
	})
	return list, err
}

func readRun(ctx context.Context, tx *transaction, id string) (ownRun, bool, error) {
	r := ownRun{id: id}
	found, err := tx.Row(ctx, `SELECT credential, host, seq, bound, high, last, first FROM own_runs WHERE run = ?`, []any{id},
		&r.credential, &r.host, &r.seq, &r.bound, &r.high, &r.last, &r.first)
	return r, found, err
}

// OwnKeys lists the vendor's ids of the keys that are ours: the feed shows a call under each whose request id is on record.
func (v *View) OwnKeys(ctx context.Context) ([]string, error) {
	rows, err := v.file.Readers().QueryContext(ctx, `SELECT key FROM own_keys ORDER BY key`)
	if err != nil {
		return nil, fmt.Errorf("list own keys: %w", err)
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return nil, fmt.Errorf("list own keys: %w", err)
		}
		list = append(list, key)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list own keys: %w", err)
	}
	return list, nil
}

// keep keeps a call of the feed that nothing explains yet.
func (o *ownCalls) keep(ctx context.Context, tx *transaction, s *shownCall) error {
	run, found, err := readRun(ctx, tx, s.run)
	if err != nil {
		return err
	}
	if _, ours := o.keys[s.key]; ours && !found { // a run is on record before its first call
		var held int64
		if _, err := tx.Row(ctx, `SELECT count(*) FROM own_shown WHERE dsc = ?`, []any{s.group}, &held); err != nil {
			return err
		}
		if held >= mostForeign {
			return o.count(ctx, tx, s)
		}
	}
	if found && s.number > run.high+run.bound { // a call made after it asked for the page that shows it
		s.why = whyBeyond
	}
	o.busy = true
	return tx.Exec(ctx, `INSERT INTO own_shown VALUES (?,?,?,?,?,?,?,?,?,?,?,?,0,?)`,
		int64(s.seq), s.key, s.request, s.run, s.number, s.occurred, s.recorded, s.method, s.route, s.address, s.agent, s.group, s.why)
}

// count counts a call that is not kept, since enough of its discrepancy are.
func (o *ownCalls) count(ctx context.Context, tx *transaction, s *shownCall) error {
	o.groups[s.group] = true
	return tx.Exec(ctx, `INSERT INTO own_groups VALUES (?,0,0,1,?) ON CONFLICT (id) DO UPDATE SET over = over + 1, over_seq = excluded.over_seq`, s.group, int64(s.seq))
}

// release forgets a call of the feed that is explained, and reports whether it was kept.
func (o *ownCalls) release(ctx context.Context, tx *transaction, s *shownCall) (bool, error) {
	var seq uint64
	kept, err := tx.Row(ctx, `SELECT seq FROM own_shown WHERE seq = ?`, []any{int64(s.seq)}, &seq)
	if err != nil || !kept {
		return false, err
	}
	o.groups[s.group] = true
	return true, tx.Exec(ctx, `DELETE FROM own_shown WHERE seq = ?`, int64(s.seq))
}
