package correlate

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Bounds of what is kept of calls to the Compliance API.
const (
	ownRecordWithin = 15 * time.Minute    // journal time by which our record of a call has come, if it was not lost by a crash
	shownKept       = 48 * time.Hour      // how long a call that both sides have is kept, to notice that its number is used again
	unshownKept     = 30 * 24 * time.Hour // how long the feed may take to show a call
	sentTwiceWithin = 2 * time.Minute     // the transport may send one request a second time, from the same address
	mostForeign     = 1000                // calls of one discrepancy that are kept one by one; the rest are counted
	mostNamed       = 10                  // named in a discrepancy
)

// ownCalls compares what the vendor's activity feed says of calls to the Compliance API (compliance_api_accessed) with
// Tripod's own records of its calls. A call under our key that no run of Tripod made is KindUnrecognisedCall; a call of ours
// that the feed never showed, though it showed others of the same window and was read a day later, is
// KindUnrecordedCall.
//
// A key is ours once the feed shows a call under it whose request id is on our record; calls before the first such call are
// not judged, since an earlier installation may have made them. A run and its bound on unrecorded numbers are on record
// before its first call, and the vendor records the user agent that names run and number. So a call lost by a crash is
// known: it names a run of ours that did not end in an orderly way, and a number not far beyond the last on record. Who has
// the key and read that much in the feed can hide among the numbers that a crash lost, and nowhere else. Only answered calls
// (200) are expected in the feed: whether it shows calls that failed is not documented
// (https://platform.claude.com/docs/en/manage-claude/compliance-activity-feed).
type ownCalls struct {
	keys   map[string]int64   // our keys, and since when they are judged, µs; nil is not read yet
	runs   map[string]bool    // of which more is known than when their calls were judged
	again  map[string][]int64 // numbers of a run likewise
	groups map[string]bool    // discrepancies to be written
	window map[string]bool    // those of calls the feed did not show
	busy   bool               // calls may be due
	forgot int64              // when what is too old was last dropped, µs of the journal
}

func (o *ownCalls) drop() { *o = ownCalls{} }

// ownRun is what is known of a run.
type ownRun struct {
	id, credential, host string
	seq                  uint64
	bound                int64 // of numbers no record has
	high                 int64 // greatest number on record
	last                 int64 // number of its last call; -1 while it did not end in an orderly way
	first                int64 // when the feed shows its first call, µs; 0 is not known
}

// madeCall is a call on our record.
type madeCall struct {
	run      string
	number   int64
	request  string // "" where no answer came
	status   int64
	date     int64 // by the server, µs; 0 where it did not say
	recorded int64 // µs
	seq      uint64
	shown    int64 // when the feed says it was, µs; 0 is not shown
	address  string
	window   string // the discrepancy that says it is not shown
}

// shownCall is a call the feed shows and no record of ours has.
type shownCall struct {
	seq                    uint64
	key, request           string
	run                    string
	number                 int64
	occurred, recorded     int64 // µs
	method, route, address string
	agent                  string // without run and number
	group                  string // the discrepancy it would be part of
	why                    string // it is not recognised, as far as that is decided
}

func (o *ownCalls) observe(ctx context.Context, tx *transaction, r *audit.Record, seq uint64) (err error) {
	switch {
	case r.Source == audit.SourceComplianceActivity && r.Type == "compliance_api_accessed":
		err = o.observeShown(ctx, tx, r, seq)
	case r.Source != audit.SourceTripod:
	case r.Type == "tripod.compliance.run":
		err = o.observeRun(ctx, tx, r, seq)
	case r.Type == "tripod.compliance.requests":
		err = o.observeMade(ctx, tx, r, seq)
	case r.Type == "tripod.feed.statement":
		err = o.observeStatement(ctx, tx, r)
	}
	if err != nil {
		return fmt.Errorf("own calls: %w", err)
	}
	return nil
}

// open reads the keys that are ours.
func (o *ownCalls) open(ctx context.Context, tx *transaction) error {
	if o.keys != nil {
		return nil
	}
	keys := map[string]int64{}
	err := tx.Rows(ctx, `SELECT key, since FROM own_keys`, nil, func(scan func(...any) error) error {
		var key string
		var since int64
		err := scan(&key, &since)
		keys[key] = since
		return err
	})
	if err != nil {
		return err
	}
	o.keys, o.runs, o.groups, o.window = keys, map[string]bool{}, map[string]bool{}, map[string]bool{}
	o.again, o.busy = map[string][]int64{}, true
	return nil
}

func (o *ownCalls) observeRun(ctx context.Context, tx *transaction, r *audit.Record, seq uint64) error {
	if err := o.open(ctx, tx); err != nil {
		return err
	}
	run := attrText(r, "run")
	if run == "" {
		return nil
	}
	o.runs[run] = true
	if attrText(r, "state") == "ended" {
		return tx.Exec(ctx, `UPDATE own_runs SET last = ? WHERE run = ?`, attrInt(r, "calls"), run)
	}
	return tx.Exec(ctx, `INSERT INTO own_runs VALUES (?,?,?,?,?,0,-1,0) ON CONFLICT (run) DO NOTHING`,
		run, r.Account.Proved.Credential, attrText(r, "host"), int64(seq), attrInt(r, "most_unrecorded"))
}

// observeMade takes calls that we say we made.
func (o *ownCalls) observeMade(ctx context.Context, tx *transaction, r *audit.Record, seq uint64) error {
	if err := o.open(ctx, tx); err != nil {
		return err
	}
	run := attrText(r, "run")
	numbers, ids, statuses, dates := attrItems(r, "calls"), attrItems(r, "request_ids"), attrItems(r, "statuses"), attrItems(r, "dates")
	if run == "" || len(ids) != len(numbers) || len(statuses) != len(numbers) || len(dates) != len(numbers) {
		return nil
	}
	o.runs[run] = true
	high := int64(0)
	for i := range numbers {
		m := madeCall{run: run, request: ids[i].Str(), recorded: r.Recorded.UnixMicro(), seq: seq}
		m.number, _ = numbers[i].Int64()
		high = max(high, m.number)
		m.status, _ = statuses[i].Int64()
		if date, ok := dates[i].Int64(); ok {
			m.date = date * 1e6
		}
		if err := o.made(ctx, tx, &m); err != nil {
			return err
		}
	}
	return tx.Exec(ctx, `UPDATE own_runs SET high = max(high, ?) WHERE run = ?`, high, run)
}

func (o *ownCalls) made(ctx context.Context, tx *transaction, m *madeCall) error {
	err := tx.Exec(ctx, `INSERT INTO own_made VALUES (?,?,?,?,?,?,?,0,'','') ON CONFLICT (run, number) DO NOTHING`,
		m.run, m.number, m.request, m.status, m.date, m.recorded, int64(m.seq))
	if err != nil {
		return err
	}
	list, err := o.pending(ctx, tx, m)
	if err != nil {
		return err
	}
	for _, s := range list {
		if err := o.match(ctx, tx, m, s); err != nil {
			return err
		}
	}
	return nil
}

// pending finds the calls of the feed that a record of ours explains: one, or the same again under another id.
func (o *ownCalls) pending(ctx context.Context, tx *transaction, m *madeCall) ([]*shownCall, error) {
	since := m.recorded - unshownKept.Microseconds()
	if m.request != "" {
		return listShown(ctx, tx, `request = ? AND recorded >= ? ORDER BY seq`, m.request, since)
	}
	return listShown(ctx, tx, `run = ? AND number = ? AND recorded >= ? ORDER BY seq LIMIT 1`, m.run, m.number, since)
}

// observeShown takes a call that the feed shows.
func (o *ownCalls) observeShown(ctx context.Context, tx *transaction, r *audit.Record, seq uint64) error {
	if err := o.open(ctx, tx); err != nil {
		return err
	}
	s := shownOf(r, seq)
	if s.request == "" || s.key == "" || r.Supersedes != "" {
		return nil // it names nobody, or was taken under its first body
	}
	m, found, err := o.explains(ctx, tx, s)
	if err != nil {
		return err
	}
	if found {
		return o.match(ctx, tx, m, s)
	}
	since, ours := o.keys[s.key]
	age := time.Duration(s.recorded-s.occurred) * time.Microsecond
	if ours && s.occurred < since || age > unshownKept-24*time.Hour || !ours && age > 24*time.Hour {
		return nil // before our time, or no telling whose it is
	}
	return o.keep(ctx, tx, s)
}

// explains finds the record of ours that a call of the feed is: by its request id, or by its number where we got no answer
// and so no id.
func (o *ownCalls) explains(ctx context.Context, tx *transaction, s *shownCall) (*madeCall, bool, error) {
	if s.run != "" {
		m, found, err := readMade(ctx, tx, `run = ? AND number = ?`, s.run, s.number)
		if err != nil || found && m.known(s) && (m.request == s.request || m.request == "" && m.shown == 0) {
			return m, err == nil, err
		}
	}
	m, found, err := readMade(ctx, tx, `request = ? ORDER BY shown, seq DESC`, s.request)
	return m, found && m.known(s), err
}

// known reports whether a call on our record is kept long enough to be held against one of the feed. What is kept longer must
// not count, or a rebuild would not find the same.
func (m *madeCall) known(s *shownCall) bool {
	kept := unshownKept
	if m.shown != 0 {
		kept = shownKept
	}
	return m.recorded >= s.recorded-kept.Microseconds()
}

// match notes that both sides have a call.
func (o *ownCalls) match(ctx context.Context, tx *transaction, m *madeCall, s *shownCall) error {
	if m.shown == 0 {
		m.shown, m.address, m.request = s.occurred, s.address, s.request
		o.again[m.run] = append(o.again[m.run], m.number)
		err := tx.Exec(ctx, `UPDATE own_made SET shown = ?, address = ?, request = ? WHERE run = ? AND number = ?`, m.shown, m.address, m.request, m.run, m.number)
		if err != nil {
			return err
		}
		if m.window != "" {
			o.window[m.window] = true
			if err := tx.Exec(ctx, `UPDATE own_windows SET late = late + 1 WHERE id = ?`, m.window); err != nil {
				return err
			}
		}
	}
	if err := o.learn(ctx, tx, m, s); err != nil {
		return err
	}
	waited, err := o.release(ctx, tx, s)
	if err != nil || !waited {
		return err
	}
	if m.recorded > s.recorded+ownRecordWithin.Microseconds() {
		o.groups[s.group] = true
		return tx.Exec(ctx, `INSERT INTO own_groups VALUES (?,1,?,0,0) ON CONFLICT (id) DO UPDATE SET late = late + 1, late_at = excluded.late_at`, s.group, m.recorded)
	}
	return nil
}

// learn takes over what a match tells: whose key it is, and since when the run is in the feed.
func (o *ownCalls) learn(ctx context.Context, tx *transaction, m *madeCall, s *shownCall) error {
	if first, known := o.keys[s.key]; (!known || s.occurred < first) && m.request != "" {
		o.keys[s.key] = s.occurred
		if err := tx.Exec(ctx, `INSERT INTO own_keys VALUES (?,?) ON CONFLICT (key) DO UPDATE SET since = excluded.since`, s.key, s.occurred); err != nil {
			return err
		}
		if !known { // what came shortly before our record is judged, what came earlier is not
			now := max(m.recorded, s.recorded)
			if err := tx.Exec(ctx, `DELETE FROM own_shown WHERE key = ? AND (recorded < ? OR occurred < ?)`, s.key, now-ownRecordWithin.Microseconds(), s.occurred); err != nil {
				return err
			}
		}
	}
	run, found, err := readRun(ctx, tx, m.run)
	if err != nil || !found || run.first != 0 && run.first <= s.occurred {
		return err
	}
	if err := tx.Exec(ctx, `UPDATE own_runs SET first = ? WHERE run = ?`, s.occurred, m.run); err != nil {
		return err
	}
	return tx.Rows(ctx, `SELECT run FROM own_runs WHERE credential = ? AND host = ? AND seq < ?`, []any{run.credential, run.host, int64(run.seq)},
		func(scan func(...any) error) error {
			var earlier string
			err := scan(&earlier)
			o.runs[earlier] = true
			return err
		})
}

// observeStatement takes the last word on a window of the feed: what it did not show by then it will hardly show.
func (o *ownCalls) observeStatement(ctx context.Context, tx *transaction, r *audit.Record) error {
	host := attrText(r, "host")
	from, errFrom := time.Parse(time.RFC3339, attrText(r, "from"))
	to, errTo := time.Parse(time.RFC3339, attrText(r, "to"))
	if attrText(r, "feed") != string(audit.SourceComplianceActivity) || attrText(r, "status") != "final" || host == "" || errFrom != nil || errTo != nil {
		return nil
	}
	if err := o.open(ctx, tx); err != nil {
		return err
	}
	within := []any{from.UnixMicro(), to.UnixMicro(), host}
	const made = ` FROM own_made JOIN own_runs USING (run) WHERE date >= ? AND date < ? AND host = ?`
	var shown, missing int64
	if _, err := tx.Row(ctx, `SELECT coalesce(sum(shown > 0), 0), coalesce(sum(shown = 0 AND status = 200), 0)`+made, within, &shown, &missing); err != nil {
		return err
	}
	if shown == 0 || missing == 0 { // a key of one organisation is shown no calls at all
		return nil
	}
	id := discrepancyID(KindUnrecordedCall, host, from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339))
	o.window[id] = true
	err := tx.Exec(ctx, `INSERT INTO own_windows VALUES (?,?,?,?,?,0) ON CONFLICT (id) DO NOTHING`, id, r.Account.Proved.Credential, within[0], within[1], r.Recorded.UnixMicro())
	if err != nil {
		return err
	}
	// An answer just behind the window's beginning may be of a call before it.
	within[0] = from.Add(sentTwiceWithin).UnixMicro()
	return tx.Exec(ctx, `UPDATE own_made SET window = ? WHERE shown = 0 AND status = 200 AND window = '' AND date >= ? AND date < ?
		AND run IN (SELECT run FROM own_runs WHERE host = ?)`, append([]any{id}, within...)...)
}

// shownOf reads a call from the feed's record of it.
func shownOf(r *audit.Record, seq uint64) *shownCall {
	s := &shownCall{
		seq: seq, key: r.Account.Proved.Key, request: r.Keys.Request, occurred: r.Occurred.UnixMicro(), recorded: r.Recorded.UnixMicro(),
		method: attrText(r, "request_method"), route: attrText(r, "url.route"), address: r.IP,
	}
	if s.route == "" {
		s.route = attrText(r, "url")
	}
	s.agent, s.run, s.number = ownAgent(attrText(r, "actor.user_agent"))
	s.group = discrepancyID(KindUnrecognisedCall, s.key, s.address, s.agent, r.Occurred.UTC().Format(time.DateOnly))
	return s
}

// ownAgent takes a user agent apart: "tripod/1.2 (run 9F3C, call 17)" names a run of Tripod's and a number in it.
func ownAgent(agent string) (rest, run string, number int64) {
	rest, comment, ok := strings.Cut(agent, " (run ")
	if !ok {
		return agent, "", 0
	}
	comment, ok = strings.CutSuffix(comment, ")")
	run, call, named := strings.Cut(comment, ", call ")
	n, err := strconv.ParseInt(call, 10, 64)
	if !ok || !named || err != nil || n <= 0 || run == "" {
		return agent, "", 0
	}
	return rest, run, n
}

func attrText(r *audit.Record, name string) string {
	v, _ := r.Attributes.Get(name)
	return v.Str()
}

func attrInt(r *audit.Record, name string) int64 {
	v, _ := r.Attributes.Get(name)
	n, _ := v.Int64()
	return n
}

func attrItems(r *audit.Record, name string) []audit.Value {
	v, _ := r.Attributes.Get(name)
	return v.Items()
}
