package correlate

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Bounds of what is kept of tool calls that miss their other half.
const (
	maxCallsHeld = 32_768 // in memory
	maxCallsKept = 64     // per session and kind; the rest are only counted and stay open
	maxToolUses  = 10     // named in a discrepancy
)

// calls compares permission decisions with the results of tool calls, which carry one tool_use_id
// (https://code.claude.com/docs/en/monitoring-usage, "Tool decision event"). A result whose decision did not come shows a
// lost event (KindResultWithoutDecision). An allowed call without a result for a day (KindDecisionWithoutResult)
// shows a lost event or a client that was killed. Clients before 2.1.119 name no tool use and are not compared; a call
// the client refuses by itself leaves no event at all.
type calls struct {
	names    *dictionary
	held     map[int64]*call
	complete bool // held is all there is
	earliest int64
	changed  map[int64]*call
	report   map[*stream]struct{}
}

// call is one half of a tool call whose other half has not come.
type call struct {
	key      int64
	st       *stream // nil if read from the file
	stream   int64
	result   bool // the result came; else the decision
	due      bool // the other half should have come
	seq      uint64
	at       int64 // recorded, µs
	occurred int64 // µs
	toolUse  string
	stored   bool // in the file
	gone     bool // the other half came, or it is only counted
}

// callTally is what a session remembers of calls beyond those in the file.
type callTally struct {
	Decisions callSide `json:"decisions,omitzero"` // without result
	Results   callSide `json:"results,omitzero"`   // without decision
}

type callSide struct {
	Over     int64  `json:"over,omitempty"` // no longer kept one by one
	OverSeq  uint64 `json:"over_seq,omitempty"`
	Late     int64  `json:"late,omitempty"` // the other half came, but late
	LateSeq  uint64 `json:"late_seq,omitempty"`
	LateAt   int64  `json:"late_at,omitempty"`       // when the half that had come occurred, µs
	LateFrom int64  `json:"late_recorded,omitempty"` // when it was recorded, µs
}

func (t *callTally) side(result bool) *callSide {
	if result {
		return &t.Results
	}
	return &t.Decisions
}

func (c *calls) drop() {
	*c = calls{names: c.names}
}

func (c *calls) erase(context.Context, *transaction, uint64) error { return nil }

func (c *calls) observe(ctx context.Context, tx *transaction, r *audit.Record, seq uint64) error {
	if r.Keys.ToolUse == "" || r.Source != audit.SourceOTelLog || r.Activity != audit.ActivityToolDecision && r.Activity != audit.ActivityToolResult {
		return nil
	}
	if err := c.open(ctx, tx); err != nil {
		return err
	}
	st, err := c.names.of(ctx, tx, r, seq)
	if err != nil {
		return err
	}
	key := callKey(st, r.Keys.ToolUse)
	half, err := c.find(ctx, tx, key)
	if err != nil {
		return err
	}
	now := &call{
		key: key, st: st, stream: st.id, result: r.Activity == audit.ActivityToolResult, seq: seq,
		at: r.Recorded.UnixMicro(), occurred: r.Occurred.UnixMicro(), toolUse: r.Keys.ToolUse,
	}
	denied := !now.result && isDenied(r)
	switch {
	case half == nil && !denied:
		c.keep(now)
	case half != nil && half.result != now.result, half != nil && !half.result && denied:
		c.pair(st, half, now)
	}
	return nil
}

func isDenied(r *audit.Record) bool {
	if v, ok := r.Attributes.Get("decision"); ok {
		return v.Str() != "accept"
	}
	return r.Outcome == audit.OutcomeDenied
}

func callKey(st *stream, toolUse string) int64 {
	sum := digest("tripod/call/v1", strconv.FormatInt(st.id, 10), toolUse)
	return int64(binary.BigEndian.Uint64(sum[:]))
}

const callColumns = `key, stream, result, due, seq, at, occurred, tool_use`

func scanCall(scan func(...any) error) (*call, error) {
	h := &call{stored: true}
	return h, scan(&h.key, &h.stream, &h.result, &h.due, &h.seq, &h.at, &h.occurred, &h.toolUse)
}

// open reads the halves in the file, as many as may be held.
func (c *calls) open(ctx context.Context, tx *transaction) error {
	if c.held != nil {
		return nil
	}
	held := make(map[int64]*call)
	err := tx.Rows(ctx, `SELECT `+callColumns+` FROM calls LIMIT ?`, []any{maxCallsHeld}, func(scan func(...any) error) error {
		h, err := scanCall(scan)
		held[h.key] = h
		return err
	})
	if err != nil {
		return err
	}
	c.held, c.complete = held, len(held) < maxCallsHeld
	c.changed, c.report = make(map[int64]*call), make(map[*stream]struct{})
	return c.findEarliest(ctx, tx)
}

func (c *calls) findEarliest(ctx context.Context, tx *transaction) error {
	_, err := tx.Row(ctx, `SELECT coalesce(min(at), ?) FROM calls WHERE result = 0 AND due = 0`, []any{int64(math.MaxInt64)}, &c.earliest)
	return err
}

func (c *calls) find(ctx context.Context, tx *transaction, key int64) (half *call, err error) {
	if h := c.held[key]; h != nil {
		return h, nil
	}
	if _, changed := c.changed[key]; changed || c.complete {
		return nil, nil
	}
	err = tx.Rows(ctx, `SELECT `+callColumns+` FROM calls WHERE key = ?`, []any{key}, func(scan func(...any) error) (err error) {
		half, err = scanCall(scan)
		return err
	})
	if half != nil {
		c.held[key] = half
	}
	return half, err
}

func (c *calls) keep(h *call) {
	if old := c.changed[h.key]; old != nil {
		h.stored = old.stored
	}
	c.held[h.key], c.changed[h.key] = h, h
	if h.result {
		h.due = true
		c.report[h.st] = struct{}{}
	} else {
		c.earliest = min(c.earliest, h.at)
	}
}

// pair ends the wait for the other half.
func (c *calls) pair(st *stream, half, now *call) {
	half.gone = true
	delete(c.held, half.key)
	c.changed[half.key] = half
	limit := ResultWithin
	if half.result {
		limit = Grace
	}
	if now.at-half.at > limit.Microseconds() && half.result != now.result {
		side := st.calls.side(half.result)
		side.Late++
		side.LateSeq, side.LateAt, side.LateFrom = half.seq, half.occurred, half.at
		st.change()
		c.report[st] = struct{}{}
	}
	if half.due {
		c.report[st] = struct{}{}
	}
}

func (c *calls) flush(ctx context.Context, tx *transaction) error {
	if err := c.open(ctx, tx); err != nil {
		return fmt.Errorf("tool calls: %w", err)
	}
	for key, h := range c.changed {
		if err := h.save(ctx, tx); err != nil {
			return fmt.Errorf("tool calls: %w", err)
		}
		delete(c.changed, key)
	}
	if err := c.sweep(ctx, tx); err != nil {
		return fmt.Errorf("tool calls: %w", err)
	}
	for st := range c.report {
		for _, result := range []bool{false, true} {
			if err := c.say(ctx, tx, st, result); err != nil {
				return fmt.Errorf("tool calls: %w", err)
			}
		}
		delete(c.report, st)
	}
	if len(c.held) > maxCallsHeld {
		clear(c.held)
		c.complete = false
	}
	return nil
}

func (h *call) save(ctx context.Context, tx *transaction) error {
	switch {
	case h.gone && h.stored:
		return tx.Exec(ctx, `DELETE FROM calls WHERE key = ?`, h.key)
	case h.gone:
		return nil
	}
	h.stored = true
	return tx.Exec(ctx, `INSERT OR REPLACE INTO calls VALUES (?,?,?,?,?,?,?,?)`,
		h.key, h.stream, h.result, h.due, int64(h.seq), h.at, h.occurred, h.toolUse)
}

// sweep finds the decisions whose result should have come.
func (c *calls) sweep(ctx context.Context, tx *transaction) error {
	limit := tx.clock - ResultWithin.Microseconds()
	if limit < c.earliest {
		return nil
	}
	var streams []int64
	err := tx.Rows(ctx, `SELECT DISTINCT stream FROM calls WHERE result = 0 AND due = 0 AND at <= ?`, []any{limit}, func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		streams = append(streams, id)
		return err
	})
	if err != nil {
		return err
	}
	for _, id := range streams {
		st, err := c.names.byID(ctx, tx, id)
		if err != nil {
			return err
		}
		c.report[st] = struct{}{}
	}
	if err := tx.Exec(ctx, `UPDATE calls SET due = 1 WHERE result = 0 AND due = 0 AND at <= ?`, limit); err != nil {
		return err
	}
	for _, h := range c.held {
		if !h.result && h.at <= limit {
			h.due = true
		}
	}
	return c.findEarliest(ctx, tx)
}

// say makes the file say of a session's calls what is to be said.
func (c *calls) say(ctx context.Context, tx *transaction, st *stream, result bool) error {
	if err := c.sumUp(ctx, tx, st, result); err != nil {
		return err
	}
	kind, side := KindDecisionWithoutResult, st.calls.side(result)
	if result {
		kind = KindResultWithoutDecision
	}
	k := &st.dev.key
	d := &Discrepancy{
		ID:   discrepancyID(kind, st.key.credential, k.device, k.service, k.version, st.key.session),
		Kind: kind, Severity: SeverityLow, State: StateOpen, Credential: st.key.credential, Account: st.account.orNil(), accountSeq: st.accountSeq,
		Session: st.key.session, Service: k.service, ServiceVersion: k.version,
	}
	if result {
		d.Severity = SeverityMedium
	}
	var from, to, at int64
	if _, err := tx.Row(ctx, `SELECT count(*), coalesce(min(seq), 0), coalesce(max(seq), 0), coalesce(min(occurred), 0), coalesce(max(occurred), 0),
		coalesce(min(at), 0) FROM calls WHERE stream = ? AND result = ? AND due = 1`, []any{st.id, result},
		&d.Count, &d.FirstSeq, &d.LastSeq, &from, &to, &at); err != nil {
		return err
	}
	d.Count += side.Over
	switch {
	case d.Count == 0 && side.Late == 0:
		return tx.take(ctx, d.ID)
	case d.Count == 0:
		d.State = StateClosed
		d.FirstSeq, d.LastSeq, from, to, at = side.LateSeq, side.LateSeq, side.LateAt, side.LateAt, side.LateFrom
	default:
		if d.LastSeq = max(d.LastSeq, side.OverSeq); d.FirstSeq == 0 {
			d.FirstSeq = d.LastSeq
		}
	}
	d.From, d.To, d.Recorded = microTime(from), microTime(to), microTime(at)
	d.Statement = callStatement(d, side)
	if err := c.toolUses(ctx, tx, d, st, result); err != nil {
		return err
	}
	until := int64(0)
	if result && d.State == StateOpen {
		until = at + Grace.Microseconds()
	}
	return tx.put(ctx, d, to, until)
}

func callStatement(d *Discrepancy, side *callSide) string {
	session := sessionName(d.Session)
	switch result := d.Kind == KindResultWithoutDecision; {
	case d.State == StateClosed && result:
		return fmt.Sprintf("The permission decisions for %s of %s came late", plural(side.Late, "tool result"), session)
	case d.State == StateClosed:
		return fmt.Sprintf("The results of %s of %s came later than a day", plural(side.Late, "allowed tool call"), session)
	case result:
		return fmt.Sprintf("%s of %s came without the permission decision that was expected", plural(d.Count, "tool result"), session)
	}
	return fmt.Sprintf("No result of %s of %s was received within a day", plural(d.Count, "allowed tool call"), session)
}

func (c *calls) toolUses(ctx context.Context, tx *transaction, d *Discrepancy, st *stream, result bool) error {
	return tx.Rows(ctx, `SELECT tool_use FROM calls WHERE stream = ? AND result = ? AND due = 1 ORDER BY seq LIMIT ?`, []any{st.id, result, maxToolUses},
		func(scan func(...any) error) error {
			var id string
			err := scan(&id)
			d.Details.ToolUses = append(d.Details.ToolUses, id)
			return err
		})
}

// sumUp reduces what is too much to keep of a session to a count.
func (c *calls) sumUp(ctx context.Context, tx *transaction, st *stream, result bool) error {
	var over []*call
	err := tx.Rows(ctx, `SELECT `+callColumns+` FROM calls WHERE stream = ? AND result = ? AND due = 1 ORDER BY seq LIMIT -1 OFFSET ?`,
		[]any{st.id, result, maxCallsKept}, func(scan func(...any) error) error {
			h, err := scanCall(scan)
			over = append(over, h)
			return err
		})
	if err != nil || len(over) == 0 {
		return err
	}
	side := st.calls.side(result)
	for _, h := range over {
		side.Over++
		side.OverSeq = max(side.OverSeq, h.seq)
		delete(c.held, h.key)
		if err := tx.Exec(ctx, `DELETE FROM calls WHERE key = ?`, h.key); err != nil {
			return err
		}
	}
	st.change()
	return nil
}
