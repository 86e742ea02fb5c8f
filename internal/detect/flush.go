package detect

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/viewfile"
)

// flush writes what has changed since the last one.
func (e *engine) flush(ctx context.Context, tx *viewfile.Tx) error {
	for _, f := range e.fresh {
		if err := insertFiring(ctx, tx, f); err != nil {
			return err
		}
	}
	e.fresh = nil
	for _, w := range e.windows {
		if err := w.flush(ctx, tx); err != nil {
			return err
		}
	}
	for rule, h := range e.hours {
		if h.dirty {
			if err := tx.Exec(ctx, `INSERT INTO hours VALUES (?,?,?) ON CONFLICT (rule) DO UPDATE SET at = excluded.at, n = excluded.n`,
				e.ruleKey(rule), h.at, h.n); err != nil {
				return err
			}
			h.dirty = false
		}
	}
	stats, err := json.Marshal(e.stats)
	if err != nil {
		return err
	}
	return tx.Exec(ctx, `UPDATE cursor SET position = ?, clock = ?, stats = ?`, int64(e.seq), e.clock, string(stats))
}

func (e *engine) ruleKey(rule int) string {
	if rule < 0 {
		return e.set.Correlations()[-1-rule].Ref()
	}
	return e.set.Rules()[rule].Ref()
}

func insertFiring(ctx context.Context, tx *viewfile.Tx, f *Firing) error {
	body, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if err := tx.Exec(ctx, `INSERT INTO firings (id, seq, rule, severity, at, count, body) VALUES (?,?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING`,
		f.ID, int64(f.Seq), f.Rule, string(f.Severity), f.At.UnixMilli(), f.Count, string(body)); err != nil {
		return err
	}
	return insertSeqs(ctx, tx, f.ID, f.Seqs)
}

func insertSeqs(ctx context.Context, tx *viewfile.Tx, id string, seqs []uint64) error {
	for _, seq := range seqs {
		if err := tx.Exec(ctx, `INSERT INTO firing_seqs VALUES (?,?) ON CONFLICT DO NOTHING`, id, int64(seq)); err != nil {
			return err
		}
	}
	return nil
}

// key names the state of a correlation: another version of it begins with none.
func (w *window) key() string { return w.rule.Ref() + "/" + w.rule.Version }

func (w *window) flush(ctx context.Context, tx *viewfile.Tx) error {
	for _, h := range w.added {
		ev := &h.event
		if err := tx.Exec(ctx, `INSERT INTO events (correlation, grp, seq, part, at, came, digest, number) VALUES (?,?,?,?,?,?,?,?)`,
			w.key(), h.group, int64(ev.seq), ev.part, ev.at, ev.came, int64(ev.digest), ev.number); err != nil {
			return err
		}
	}
	for _, h := range w.removed {
		if err := tx.Exec(ctx, `DELETE FROM events WHERE correlation = ? AND seq = ? AND part = ? AND grp = ?`,
			w.key(), int64(h.event.seq), h.event.part, h.group); err != nil {
			return err
		}
	}
	w.added, w.removed = nil, nil
	for _, key := range slices.Sorted(maps.Keys(w.dirty)) {
		if err := w.flushGroup(ctx, tx, w.dirty[key]); err != nil {
			return err
		}
		delete(w.dirty, key)
		if g := w.groups[key]; g != nil {
			w.tidy(g)
		}
	}
	return w.unload(ctx, tx)
}

// mostBaselines is how many groups of a baseline are kept in memory; the others are read when they are asked for.
const mostBaselines = 20_000

// unload forgets what is not needed: once an hour of the journal episodes that are over, and groups of baselines where there are many.
func (w *window) unload(ctx context.Context, tx *viewfile.Tx) error {
	if w.baseline != nil && len(w.groups) > mostBaselines {
		clear(w.groups)
	}
	hour := w.engine.clock / time.Hour.Milliseconds()
	if hour == w.swept {
		return nil
	}
	w.swept = hour
	for _, g := range w.groups {
		g.episodes = slices.DeleteFunc(g.episodes, func(p *episode) bool { return !w.goesOn(p) })
		w.tidy(g)
	}
	before := w.engine.clock - w.span - w.late
	if w.lasting() {
		before = 1
	}
	return tx.Exec(ctx, `DELETE FROM episodes WHERE correlation = ? AND came < ?`, w.key(), before)
}

func (w *window) flushGroup(ctx context.Context, tx *viewfile.Tx, g *group) error {
	if g.values == nil && g.seen == 0 && g.state == nil {
		if err := tx.Exec(ctx, `DELETE FROM groups WHERE correlation = ? AND grp = ?`, w.key(), g.key); err != nil {
			return err
		}
	} else {
		values, err := json.Marshal(g.values)
		if err != nil {
			return err
		}
		if err := tx.Exec(ctx, `INSERT INTO groups VALUES (?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET vals = excluded.vals, vals_of = excluded.vals_of,
	seen = excluded.seen, seen_came = excluded.seen_came, state = excluded.state`,
			w.key(), g.key, string(values), int64(g.valuesOf), g.seen, g.seenCame, g.state); err != nil {
			return err
		}
	}
	if w.lasting() && g.seen == 0 { // forgotten, and what it had with it
		if err := tx.Exec(ctx, `DELETE FROM episodes WHERE correlation = ? AND grp = ?`, w.key(), g.key); err != nil {
			return err
		}
	}
	for _, p := range g.episodes {
		if err := w.flushEpisode(ctx, tx, g, p); err != nil {
			return err
		}
	}
	g.episodes = slices.DeleteFunc(g.episodes, func(p *episode) bool { return !w.goesOn(p) })
	return nil
}

func (w *window) flushEpisode(ctx context.Context, tx *viewfile.Tx, g *group, p *episode) error {
	if p.dirty {
		if err := tx.Exec(ctx, `UPDATE firings SET count = ? WHERE id = ?`, p.count, p.id); err != nil {
			return err
		}
		if err := insertSeqs(ctx, tx, p.id, p.more); err != nil {
			return err
		}
		p.more, p.dirty = nil, false
	}
	if !w.goesOn(p) {
		return tx.Exec(ctx, `DELETE FROM episodes WHERE id = ?`, p.id)
	}
	return tx.Exec(ctx, `INSERT INTO episodes VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET start = excluded.start, stop = excluded.stop,
	came = excluded.came, counted = excluded.counted, count = excluded.count, kept = excluded.kept`,
		p.id, w.key(), g.key, p.start, p.end, p.came, int64(p.counted), p.count, p.kept)
}

// read takes the state up where the last flush left it, and forgets that of correlations there are no more.
func (e *engine) read(ctx context.Context, tx *viewfile.Tx) error {
	var stats string
	if _, err := tx.Row(ctx, `SELECT position, clock, stats FROM cursor`, nil, &e.seq, &e.clock, &stats); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(stats), &e.stats); err != nil {
		return err
	}
	byKey := map[string]*window{}
	for _, w := range e.windows {
		byKey[w.key()] = w
	}
	if err := e.readGroups(ctx, tx, byKey); err != nil {
		return err
	}
	gone := map[string]bool{}
	err := tx.Rows(ctx, `SELECT correlation, grp, seq, part, at, came, digest, number FROM events ORDER BY n`, nil, func(scan func(...any) error) error {
		var key string
		var h held
		var dig int64
		if err := scan(&key, &h.group, &h.event.seq, &h.event.part, &h.event.at, &h.event.came, &dig, &h.event.number); err != nil {
			return err
		}
		w := byKey[key]
		if w == nil {
			gone[key] = true
			return nil
		}
		h.event.digest = uint64(dig)
		g := w.group(h.group)
		g.events = slices.Insert(g.events, g.after(h.event.at), h.event)
		w.order, w.live = append(w.order, h), w.live+1
		return nil
	})
	if err != nil {
		return err
	}
	return e.readRest(ctx, tx, byKey, gone)
}

func (e *engine) readGroups(ctx context.Context, tx *viewfile.Tx, byKey map[string]*window) error {
	return tx.Rows(ctx, `SELECT correlation, grp, vals, vals_of, seen, seen_came FROM groups WHERE state IS NULL`, nil, func(scan func(...any) error) error {
		var key, grp, values string
		g := &group{}
		if err := scan(&key, &grp, &values, &g.valuesOf, &g.seen, &g.seenCame); err != nil {
			return err
		}
		w := byKey[key]
		if w == nil {
			return nil
		}
		g.key = grp
		w.groups[grp] = g
		if g.seen != 0 {
			w.known++
		}
		return json.Unmarshal([]byte(values), &g.values)
	})
}

func (e *engine) readRest(ctx context.Context, tx *viewfile.Tx, byKey map[string]*window, gone map[string]bool) error {
	err := tx.Rows(ctx, `SELECT id, correlation, grp, start, stop, came, counted, count, kept FROM episodes ORDER BY rowid`, nil, func(scan func(...any) error) error {
		var key, grp string
		p := &episode{}
		if err := scan(&p.id, &key, &grp, &p.start, &p.end, &p.came, &p.counted, &p.count, &p.kept); err != nil {
			return err
		}
		if w := byKey[key]; w != nil {
			g := w.group(grp)
			g.episodes = append(g.episodes, p)
		} else {
			gone[key] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	rules := map[string]int{}
	for i := range e.set.Rules() {
		rules[e.ruleKey(i)] = i
	}
	for i, w := range e.windows {
		rules[e.ruleKey(-1-i)] = -1 - i
		for _, g := range w.groups {
			if len(g.events) > 0 && !w.rule.Eager() {
				w.pending(g, nil)
			}
		}
		clear(w.dirty)
	}
	err = tx.Rows(ctx, `SELECT rule, at, n FROM hours`, nil, func(scan func(...any) error) error {
		var rule string
		h := &hour{}
		if err := scan(&rule, &h.at, &h.n); err != nil {
			return err
		}
		if i, ok := rules[rule]; ok {
			e.hours[i] = h
		}
		return nil
	})
	for key := range gone {
		for _, q := range []string{`DELETE FROM events WHERE correlation = ?`, `DELETE FROM groups WHERE correlation = ?`, `DELETE FROM episodes WHERE correlation = ?`} {
			if err == nil {
				err = tx.Exec(ctx, q, key)
			}
		}
	}
	return err
}
