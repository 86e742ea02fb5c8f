package correlate

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// keptGaps bounds the gaps of forgotten stretches that keep a discrepancy of their own, per session; the rest are summed up.
const keptGaps = 64

// maxNumber is beyond what any process counts to; with it sums of gaps cannot overflow.
const maxNumber = 1 << 40

// gaps finds numbered records that did not come (KindSequenceGap). It cannot see what was lost behind the last record
// of a process that came, nor a process of which nothing came; a missing start may hide behind an earlier session of the
// device that could have been the same process.
type gaps struct {
	names       *dictionary
	erased      *erasedSpans
	nextStretch int64
}

func (g *gaps) drop() { g.nextStretch = 0 }

func (g *gaps) erase(context.Context, *transaction, uint64) error { return nil }

func (g *gaps) observe(ctx context.Context, tx *transaction, r *audit.Record, seq uint64) error {
	if r.Sequence == nil || *r.Sequence < 0 || *r.Sequence > maxNumber || r.Source != audit.SourceOTelLog {
		return nil
	}
	if g.nextStretch == 0 {
		if _, err := tx.Row(ctx, `SELECT coalesce(max(id), 0) + 1 FROM stretches`, nil, &g.nextStretch); err != nil {
			return err
		}
	}
	st, err := g.names.of(ctx, tx, r, seq)
	if err != nil {
		return err
	}
	e := event{n: *r.Sequence, t: r.Occurred.UnixMicro(), at: r.Recorded.UnixMicro(), seq: seq}
	st.dev.place(st, e, g.newID)
	return nil
}

func (g *gaps) newID() int64 {
	g.nextStretch++
	return g.nextStretch - 1
}

// claim is what can be said of the numbers below a stretch.
type claim struct {
	state       State // "": nothing
	lo, hi      int64 // the hole
	missing     []Range
	first, last uint64 // positions of the records around it
	from, to    int64  // when those occurred, µs; from is 0 if there is none before
	session     string
	closedAt    int64
	accountSeq  uint64
}

// claimOf judges the gap below a stretch by the last link.
func (d *device) claimOf(s *stretch) claim {
	c := claim{lo: s.floor, hi: s.lo - 1, first: s.floorSeq, last: s.seqLo, to: s.tlo, session: s.st.key.session, accountSeq: s.st.accountSeq}
	known, filledAt := s.floor > 0, s.filledAt
	if p := s.prev; p != nil {
		c.lo, c.first, c.from, c.session = p.hi+1, p.seqHi, p.thi, p.st.key.session
		known, filledAt = true, max(filledAt, p.grownAt)
	}
	switch {
	case c.lo > c.hi:
		if filledAt <= s.bornAt+Grace.Microseconds() || !d.countsFromStart && c.session != s.st.key.session {
			return claim{}
		}
		return closedClaim(s, filledAt)
	case s.beside, !known && (!d.countsFromStart || d.forgetful && s.tlo <= d.horizon+reach):
		return claim{} // another process sends the same numbers, the client may have dropped its start, or what it went on from is forgotten
	case !d.countsFromStart && s.lo <= earlyEvents:
		return claim{} // may be another process without its start
	}
	if c.missing = without(c.lo, c.hi, s.elsewhere); c.count() == 0 {
		return claim{}
	}
	c.state = StateOpen
	return c
}

func (c *claim) count() (n int64) {
	for _, r := range c.missing {
		n += r.Last - r.First + 1
	}
	return n
}

func (c *claim) same(o *claim) bool {
	return c.state == o.state && c.lo == o.lo && c.hi == o.hi && slices.Equal(c.missing, o.missing) && c.first == o.first && c.last == o.last &&
		c.from == o.from && c.to == o.to && c.session == o.session && c.closedAt == o.closedAt && c.accountSeq == o.accountSeq
}

// without lists what is left of lo to hi without ranges in ascending order.
func without(lo, hi int64, came []Range) []Range {
	var left []Range
	for _, r := range came {
		if r.First > lo {
			left = append(left, Range{lo, r.First - 1})
		}
		lo = max(lo, r.Last+1)
	}
	if lo <= hi {
		left = append(left, Range{lo, hi})
	}
	return left
}

func (g *gaps) flush(ctx context.Context, tx *transaction) error {
	for _, d := range g.names.touched {
		if err := g.flushDevice(ctx, tx, d); err != nil {
			return fmt.Errorf("gaps: %w", err)
		}
	}
	return nil
}

func (g *gaps) flushDevice(ctx context.Context, tx *transaction, d *device) error {
	if d.relink {
		d.link()
	}
	for _, s := range d.joined {
		if err := g.report(ctx, tx, s, d.lastClaim(s)); err != nil {
			return err
		}
	}
	for _, f := range d.forgotten {
		if err := g.settle(ctx, tx, f); err != nil {
			return err
		}
	}
	if d.judge {
		for _, s := range d.live {
			if err := g.report(ctx, tx, s, d.claimOf(s)); err != nil {
				return err
			}
		}
	}
	for _, id := range d.deleted {
		if err := tx.Exec(ctx, `DELETE FROM stretches WHERE id = ?`, id); err != nil {
			return err
		}
	}
	for _, s := range d.grown {
		if s.dirty = false; s.gone {
			continue
		}
		if err := s.save(ctx, tx); err != nil {
			return err
		}
	}
	clear(d.grown)
	d.grown, d.joined, d.forgotten, d.deleted, d.judge = d.grown[:0], nil, nil, nil, false
	return nil
}

func (s *stretch) save(ctx context.Context, tx *transaction) error {
	if !s.fresh {
		return tx.Exec(ctx, `UPDATE stretches SET lo=?, hi=?, tlo=?, thi=?, seq_lo=?, seq_hi=?, born=?, born_n=?, born_t=?, born_at=?,
			grown_at=?, filled_at=?, floor=?, floor_seq=?, reported=? WHERE id = ?`, s.lo, s.hi, s.tlo, s.thi, int64(s.seqLo), int64(s.seqHi),
			int64(s.born), s.bornN, s.bornT, s.bornAt, s.grownAt, s.filledAt, s.floor, int64(s.floorSeq), s.reported, s.id)
	}
	s.fresh = false
	return tx.Exec(ctx, `INSERT INTO stretches VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`, s.id, s.st.dev.id, s.st.id, s.lo, s.hi, s.tlo, s.thi,
		int64(s.seqLo), int64(s.seqHi), int64(s.born), s.bornN, s.bornT, s.bornAt, s.grownAt, s.filledAt, s.floor, int64(s.floorSeq), s.reported)
}

// lastClaim is what is left to say of the gap below a stretch that has been joined to the one before: it is filled.
func (d *device) lastClaim(s *stretch) claim {
	if s.filledAt <= s.bornAt+Grace.Microseconds() {
		return claim{}
	}
	return closedClaim(s, s.filledAt)
}

func closedClaim(s *stretch, at int64) claim {
	return claim{state: StateClosed, last: s.born, to: s.bornT, closedAt: at, accountSeq: s.st.accountSeq}
}

// report makes the file say of a gap what is to be said.
func (g *gaps) report(ctx context.Context, tx *transaction, s *stretch, c claim) error {
	if c.same(&s.claim) && (c.state != "" || !s.reported) {
		return nil
	}
	known := s.claim
	s.claim = c
	id := gapID(s)
	if c.state == StateOpen {
		erased, err := g.erased.around(ctx, tx, s, c)
		if err != nil {
			return err
		}
		if erased < c.count() {
			s.setReported(true)
			dsc := openGap(s, c, erased)
			dsc.ID = id
			return tx.put(ctx, dsc, c.to, s.bornAt+Grace.Microseconds())
		}
		c.state = ""
	}
	if c.state == StateClosed {
		s.setReported(true)
		dsc := closedGap(s, c)
		dsc.ID = id
		return tx.put(ctx, dsc, c.to, 0)
	}
	if !s.reported && known.state == "" {
		return nil
	}
	s.setReported(false)
	return tx.take(ctx, id)
}

func (s *stretch) setReported(v bool) {
	if s.reported != v {
		s.reported = v
		if !s.gone {
			s.change()
		}
	}
}

// gapID names a gap by the record that showed it: the first that came from behind it.
func gapID(s *stretch) string {
	k, st := &s.st.dev.key, &s.st.key
	return discrepancyID(KindSequenceGap, st.credential, k.device, k.service, k.version, st.session, strconv.FormatUint(s.born, 10))
}

func gapOf(s *stretch, c *claim) *Discrepancy {
	st := s.st
	return &Discrepancy{
		Kind: KindSequenceGap, Severity: SeverityMedium, State: StateOpen, Credential: st.key.credential, Account: st.account.orNil(),
		accountSeq: st.accountSeq, Session: st.key.session, Service: st.dev.key.service, ServiceVersion: st.dev.key.version,
		FirstSeq: c.first, LastSeq: c.last, From: microTime(c.from), To: microTime(c.to), Recorded: microTime(s.bornAt),
	}
}

func openGap(s *stretch, c claim, erased int64) *Discrepancy {
	d := gapOf(s, &c)
	d.Count = c.count() - erased
	d.Details.Missing, d.Details.ErasedAround = c.missing, erased
	records, session, missing := plural(d.Count, "record"), sessionName(d.Session), "were expected and not received"
	if d.Count == 1 {
		missing = "was expected and not received"
	}
	switch {
	case c.session != d.Session:
		d.Details.PreviousSession = c.session
		d.Statement = fmt.Sprintf("%s between sequence %d of %s and sequence %d of %s %s", records, c.lo-1, sessionName(c.session), s.lo, session, missing)
	case c.lo == 0:
		d.Statement = fmt.Sprintf("%s at the start of a process, before sequence %d of %s, %s", records, s.lo, session, missing)
	default:
		d.Statement = fmt.Sprintf("%s of %s between sequence %d and %d %s", records, session, c.lo-1, s.lo, missing)
	}
	if erased > 0 {
		d.Statement += fmt.Sprintf(", besides up to %d that may have been erased since", erased)
	}
	return d
}

func closedGap(s *stretch, c claim) *Discrepancy {
	d := gapOf(s, &c)
	d.State = StateClosed
	late := microTime(c.closedAt).Sub(d.Recorded)
	d.Statement = fmt.Sprintf("Records before sequence %d of %s were missing for %s and have since been received",
		s.bornN, sessionName(d.Session), late.Round(time.Second))
	return d
}

// older sums up gaps of a session that lie too far back to be kept one by one.
type older struct {
	Gaps  int64  `json:"gaps,omitempty"`
	Lost  int64  `json:"lost,omitempty"`
	First uint64 `json:"first,omitempty"`
	Last  uint64 `json:"last,omitempty"`
	From  int64  `json:"from,omitempty"`
	To    int64  `json:"to,omitempty"`
	At    int64  `json:"at,omitempty"`
}

// settle writes the last word on the gap below a forgotten stretch.
func (g *gaps) settle(ctx context.Context, tx *transaction, f forgotten) error {
	st := f.st
	if f.claim.state == StateOpen {
		if st.keptGaps >= keptGaps {
			return g.sumUp(ctx, tx, f)
		}
		st.keptGaps++
		st.change()
	}
	return g.report(ctx, tx, f.stretch, f.claim)
}

func (g *gaps) sumUp(ctx context.Context, tx *transaction, f forgotten) error {
	s, st, o := f.stretch, f.st, &f.st.older
	if o.Gaps == 0 {
		o.First, o.From = f.claim.first, f.claim.from
	}
	o.Gaps++
	o.Lost += f.claim.count()
	o.Last, o.To, o.At = f.claim.last, f.claim.to, s.bornAt
	st.change()
	d := gapOf(s, &f.claim)
	d.ID = discrepancyID(KindSequenceGap, st.key.credential, st.dev.key.device, st.dev.key.service, st.dev.key.version, st.key.session, "older")
	d.Count, d.Details.Gaps = o.Lost, o.Gaps
	d.FirstSeq, d.From = o.First, microTime(o.From)
	d.Statement = fmt.Sprintf("%s of %s in %s were expected and not received, besides those reported one by one",
		plural(o.Lost, "record"), sessionName(d.Session), plural(o.Gaps, "gap"))
	if err := tx.put(ctx, d, o.To, o.At+Grace.Microseconds()); err != nil {
		return err
	}
	return g.report(ctx, tx, s, claim{})
}
