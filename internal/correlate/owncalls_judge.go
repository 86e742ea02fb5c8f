package correlate

import (
	"context"
	"fmt"
	"time"
)

// Why a call is not recognised. The set is open.
const (
	whyNoRun  = "it names no run of Tripod"
	whyBeyond = "it names a number that run never reached"
	whyAgain  = "it names a number that run used for another call"
	whyOver   = "it names a run that was over"
)

// verdict is what was judged of a call of the feed that no record of ours explains.
type verdict int

const (
	undecided verdict = iota
	lost              // ours, and a crash took its record; what becomes known of its run can change that
	unrecognised
	sentTwice // by our transport
)

func (o *ownCalls) flush(ctx context.Context, tx *transaction) error {
	if o.keys == nil {
		if err := o.open(ctx, tx); err != nil {
			return err
		}
	}
	if err := o.judgeDue(ctx, tx); err != nil {
		return fmt.Errorf("own calls: %w", err)
	}
	for id := range o.groups {
		if err := o.writeGroup(ctx, tx, id); err != nil {
			return fmt.Errorf("own calls: %w", err)
		}
	}
	for id := range o.window {
		if err := o.writeWindow(ctx, tx, id); err != nil {
			return fmt.Errorf("own calls: %w", err)
		}
	}
	clear(o.groups)
	clear(o.window)
	return o.forget(ctx, tx)
}

// judgeDue judges calls whose record of ours should have come, and anew those of runs of which more is known now.
func (o *ownCalls) judgeDue(ctx context.Context, tx *transaction) error {
	for run := range o.runs {
		if err := tx.Exec(ctx, `UPDATE own_shown SET judged = ? WHERE run = ? AND judged = ?`, undecided, run, lost); err != nil {
			return err
		}
		o.busy = true
	}
	for run, numbers := range o.again {
		for _, n := range numbers {
			if err := tx.Exec(ctx, `UPDATE own_shown SET judged = ? WHERE run = ? AND number = ?`, undecided, run, n); err != nil {
				return err
			}
		}
		o.busy = true
	}
	clear(o.runs)
	clear(o.again)
	if !o.busy {
		return nil
	}
	due, err := listShown(ctx, tx, `judged = 0 AND recorded <= ? AND key IN (SELECT key FROM own_keys) ORDER BY seq`, tx.clock-ownRecordWithin.Microseconds())
	if err != nil {
		return err
	}
	held := map[string]int64{}
	for _, s := range due {
		if err := o.settle(ctx, tx, s, held); err != nil {
			return err
		}
	}
	_, err = tx.Row(ctx, `SELECT EXISTS (SELECT 1 FROM own_shown WHERE judged = 0)`, nil, &o.busy)
	return err
}

// settle judges a call that is due. held counts those of each discrepancy that are not recognised and kept: who knows the
// name of a run can write any number behind it, so the name alone must not make a call worth keeping.
func (o *ownCalls) settle(ctx context.Context, tx *transaction, s *shownCall, held map[string]int64) error {
	judged, why, err := o.judge(ctx, tx, s)
	if err != nil {
		return err
	}
	o.groups[s.group] = true
	if judged == unrecognised {
		if _, known := held[s.group]; !known {
			var n int64
			if _, err := tx.Row(ctx, `SELECT count(*) FROM own_shown WHERE dsc = ? AND judged = ?`, []any{s.group, unrecognised}, &n); err != nil {
				return err
			}
			held[s.group] = n
		}
		if held[s.group]++; held[s.group] > mostForeign {
			if err := o.count(ctx, tx, s); err != nil {
				return err
			}
			return tx.Exec(ctx, `DELETE FROM own_shown WHERE seq = ?`, int64(s.seq))
		}
	}
	return tx.Exec(ctx, `UPDATE own_shown SET judged = ?, why = ? WHERE seq = ?`, judged, why, int64(s.seq))
}

// judge decides about a call of the feed under our key that no record of ours explains.
func (o *ownCalls) judge(ctx context.Context, tx *transaction, s *shownCall) (v verdict, why string, err error) {
	if s.why == whyBeyond {
		return unrecognised, whyBeyond, nil
	}
	run, found, err := readRun(ctx, tx, s.run)
	if err != nil || !found {
		return unrecognised, whyNoRun, err
	}
	m, found, err := readMade(ctx, tx, `run = ? AND number = ?`, s.run, s.number)
	if err != nil {
		return undecided, "", err
	}
	if found && m.known(s) {
		apart := time.Duration(s.occurred-m.shown) * time.Microsecond
		if m.shown != 0 && m.address == s.address && apart.Abs() <= sentTwiceWithin {
			return sentTwice, "", nil
		}
		return unrecognised, whyAgain, nil
	}
	switch {
	case run.last >= 0 && s.number > run.last:
		return unrecognised, whyBeyond, nil
	case run.last >= 0: // all its calls are on record, and this is none of them
		return unrecognised, whyAgain, nil
	}
	var over int64
	if _, err := tx.Row(ctx, `SELECT coalesce(min(first), 0) FROM own_runs WHERE credential = ? AND host = ? AND seq > ? AND first > 0`,
		[]any{run.credential, run.host, int64(run.seq)}, &over); err != nil {
		return undecided, "", err
	}
	if over > 0 && s.occurred > over+sentTwiceWithin.Microseconds() {
		return unrecognised, whyOver, nil
	}
	return lost, "", nil
}

// writeGroup makes the file say of the calls of one key, address, client and day what is to be said.
func (o *ownCalls) writeGroup(ctx context.Context, tx *transaction, id string) error {
	var late, lateAt, over int64
	var overSeq uint64
	if _, err := tx.Row(ctx, `SELECT late, late_at, over, over_seq FROM own_groups WHERE id = ?`, []any{id}, &late, &lateAt, &over, &overSeq); err != nil {
		return err
	}
	d := &Discrepancy{ID: id, Kind: KindUnrecognisedCall, Severity: SeverityHigh, State: StateOpen, Count: over}
	var from, to, recorded int64
	err := tx.Rows(ctx, `SELECT `+shownColumns+` FROM own_shown WHERE dsc = ? AND judged = ? ORDER BY seq`, []any{id, unrecognised}, func(scan func(...any) error) error {
		s, err := scanShown(scan)
		if d.FirstSeq == 0 {
			d.FirstSeq, d.Details.Key, from, recorded = s.seq, s.key, s.occurred, s.recorded
		}
		if d.Details.Address == "" { // the record of the first may have been erased
			d.Details.Address, d.Details.UserAgent = s.address, s.agent
		}
		d.Count++
		d.LastSeq, from, to = s.seq, min(from, s.occurred), max(to, s.occurred)
		if len(d.Details.Calls) < mostNamed && s.request != "" {
			d.Details.Calls = append(d.Details.Calls, Call{At: microTime(s.occurred), Request: s.request, Method: s.method, Route: s.route, Run: s.run, Number: s.number, Why: s.why})
		}
		return err
	})
	if err != nil {
		return err
	}
	switch {
	case d.FirstSeq != 0:
		d.LastSeq, d.From, d.To, d.Recorded = max(d.LastSeq, overSeq), microTime(from), microTime(to), microTime(recorded)
		d.Statement = fmt.Sprintf("%s under our key %s from %s on %s %s not recognised: no record of Tripod has %s",
			plural(d.Count, "call"), d.Details.Key, place(d.Details.Address), d.From.Format(time.DateOnly), verb(d.Count, "is", "are"), verb(d.Count, "it", "them"))
		return tx.put(ctx, d, to, 0)
	case late > 0:
		d.State, d.Count, d.Recorded = StateClosed, 0, microTime(lateAt)
		d.Statement = fmt.Sprintf("%s under our key came without a record of Tripod's, which has since been received", plural(late, "call"))
		return tx.put(ctx, d, lateAt, 0)
	}
	return tx.take(ctx, id)
}

// writeWindow makes the file say of the calls that a window of the feed does not show what is to be said.
func (o *ownCalls) writeWindow(ctx context.Context, tx *transaction, id string) error {
	d := &Discrepancy{ID: id, Kind: KindUnrecordedCall, Severity: SeverityLow, State: StateOpen}
	var begins, ends, recorded, late int64
	if _, err := tx.Row(ctx, `SELECT credential, begins, ends, recorded, late FROM own_windows WHERE id = ?`, []any{id}, &d.Credential, &begins, &ends, &recorded, &late); err != nil {
		return err
	}
	d.From, d.To, d.Recorded = microTime(begins), microTime(ends), microTime(recorded)
	err := tx.Rows(ctx, `SELECT `+madeColumns+` FROM own_made WHERE window = ? AND shown = 0 ORDER BY seq, number`, []any{id}, func(scan func(...any) error) error {
		m, err := scanMade(scan)
		if d.FirstSeq == 0 {
			d.FirstSeq = m.seq
		}
		d.Count++
		d.LastSeq = m.seq
		if len(d.Details.Calls) < mostNamed {
			d.Details.Calls = append(d.Details.Calls, Call{At: microTime(m.date), Request: m.request, Run: m.run, Number: m.number})
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case d.Count > 0:
		d.Statement = fmt.Sprintf("%s that Tripod made %s not in the activity feed, which shows others of the same window",
			plural(d.Count, "call"), verb(d.Count, "is", "are"))
	case late > 0:
		d.State = StateClosed
		d.Statement = fmt.Sprintf("%s of Tripod's came into the activity feed after the window was read for the last time", plural(late, "call"))
	default:
		return tx.take(ctx, id)
	}
	return tx.put(ctx, d, ends, 0)
}

// forget drops what nothing that comes now can rest on. When it does so decides nothing, since what is kept too long does
// not count: see madeCall.known.
func (o *ownCalls) forget(ctx context.Context, tx *transaction) error {
	margin := 2 * ownRecordWithin
	if tx.clock < o.forgot+time.Minute.Microseconds() {
		return nil
	}
	o.forgot = tx.clock
	for _, f := range []struct {
		query string
		keep  time.Duration
	}{
		{`DELETE FROM own_made WHERE recorded < ? AND shown > 0`, shownKept},
		{`DELETE FROM own_made WHERE recorded < ? AND window = ''`, unshownKept},
		{`DELETE FROM own_shown WHERE recorded < ? AND judged = 0 AND key NOT IN (SELECT key FROM own_keys)`, ownRecordWithin}, // of no other key is any judged
	} {
		if err := tx.Exec(ctx, f.query, tx.clock-(f.keep+margin).Microseconds()); err != nil {
			return fmt.Errorf("own calls: %w", err)
		}
	}
	return nil
}

// erase forgets who made a call whose record is being erased; that there was one stays.
func (o *ownCalls) erase(ctx context.Context, tx *transaction, seq uint64) error {
	if err := o.open(ctx, tx); err != nil {
		return err
	}
	list, err := listShown(ctx, tx, `seq = ?`, int64(seq))
	if err != nil || len(list) == 0 {
		return err
	}
	o.groups[list[0].group] = true
	return tx.Exec(ctx, `UPDATE own_shown SET request = '', address = '', agent = '', route = '' WHERE seq = ?`, int64(seq))
}

func place(address string) string {
	if address == "" {
		return "an unknown address"
	}
	return address
}

func verb(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
