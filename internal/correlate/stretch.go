package correlate

import "math"

// slack is how far, in microseconds, a source's clock may step back between two consecutive events.
const slack = 2_000_000

// pause is how long, in microseconds, a stretch may be silent and still grow. What comes later begins another, which link
// holds against everything known by then; settled is how long after its record came a link is taken as final.
const (
	pause   = 5 * 60 * 1_000_000
	settled = 3600 * 1_000_000
)

// maxLive bounds the stretches a device keeps; one more and the forgetBatch oldest are forgotten.
const (
	maxLive     = 320
	forgetBatch = 64
	settleEach  = 8 // stretches of one session
)

// event is what matters of a numbered record.
type event struct {
	n   int64  // the source's own counter
	t   int64  // occurred, µs since 1970
	at  int64  // recorded, µs
	seq uint64 // position in the journal
}

// stretch is a row of consecutive numbers of one session that came without a hole. A session without losses is one
// stretch a process, so what is stored grows with sessions and losses, never with records.
type stretch struct {
	id           int64
	st           *stream
	lo, hi       int64  // first and last number
	tlo, thi     int64  // least and greatest occurred, µs
	seqLo, seqHi uint64 // positions of the records numbered lo and hi
	grownAt      int64  // when the record numbered hi was recorded
	floor        int64  // numbers below are accounted for by stretches since forgotten
	floorSeq     uint64 // position of the record numbered floor−1, where it was one of those
	shown               // the gap below

	chain   *chain   // by the last link
	prev    *stretch // what it goes on from
	watched bool     // what is claimed rests on where it ends
	beside  bool     // it shares its session with another process
	// elsewhere are numbers between prev and it that other processes may have sent instead.
	elsewhere []Range

	dirty bool // listed in device.grown
	fresh bool // not in the file yet
	gone  bool // joined or forgotten
}

// shown is what is known of the gap below a stretch since a record from behind it showed it.
type shown struct {
	born     uint64 // position of that record: names the gap
	bornN    int64  // its number
	bornT    int64  // when it occurred, µs
	bornAt   int64  // when it was recorded, µs
	filledAt int64  // when a number was last added below; 0 if none was
	reported bool   // a discrepancy stands in the file
	claim    claim  // as last written; zero if unknown
}

// change has the stretch written at the next flush.
func (s *stretch) change() {
	if !s.dirty {
		s.dirty = true
		s.st.dev.grown = append(s.st.dev.grown, s)
	}
}

// tail is the end of the latest stretch of a session that was forgotten.
type tail struct {
	hi  int64
	t   int64
	seq uint64
}

// place puts an event where it belongs among the stretches of its session. In-order events take the first branch.
func (d *device) place(st *stream, e event, newID func() int64) {
	if len(st.stretches) == 1 {
		if s := st.stretches[0]; e.n == s.hi+1 && e.t >= s.thi && e.t <= s.thi+pause {
			d.extend(s, e)
			return
		}
	}
	if st.forgetful && e.t <= st.horizon {
		return // what was there is forgotten: no telling whether this is new
	}
	var up, down *stretch
	for _, s := range st.stretches {
		switch {
		case s.lo <= e.n && e.n <= s.hi && s.tlo <= e.t && e.t <= s.thi:
			return // delivered again
		case s.hi+1 == e.n && e.t >= s.thi-slack && (up == nil || s.thi > up.thi) && s.goesOn(e):
			up = s
		case s.lo-1 == e.n && e.t <= s.tlo+slack && e.t >= s.tlo-pause && (down == nil || s.tlo < down.tlo):
			down = s
		}
	}
	if up == nil && down == nil && st.forgetful && e.n > st.tail.hi && (len(st.stretches) == 0 || e.n == st.tail.hi+1) {
		up = d.revive(st, newID)
		if e.n != up.hi+1 {
			up = nil
		}
	}
	switch {
	case up != nil:
		d.extend(up, e)
	case down != nil:
		down.lo, down.tlo, down.seqLo, down.filledAt = e.n, min(down.tlo, e.t), e.seq, e.at
		down.thi = max(down.thi, e.t)
		down.change()
		d.relink = true
	default:
		d.begin(st, e, newID, 0, 0)
	}
}

// goesOn reports whether an event may be the next of a stretch: it comes soon, and nothing between them has a number
// beyond it.
func (s *stretch) goesOn(e event) bool {
	return e.t <= s.thi+pause && !s.st.beyond(e.n, s.thi, e.t)
}

// beyond reports whether a stretch with numbers beyond n begins between two times.
func (st *stream) beyond(n, from, to int64) bool {
	for _, o := range st.stretches {
		if o.lo > n && o.tlo > from && o.tlo < to {
			return true
		}
	}
	return false
}

// extend adds the next number to a stretch and joins it with the one that begins right behind, if any.
func (d *device) extend(s *stretch, e event) {
	s.hi, s.seqHi, s.grownAt = e.n, e.seq, e.at
	s.tlo, s.thi = min(s.tlo, e.t), max(s.thi, e.t)
	s.change()
	if s.watched || e.t <= d.newest+slack {
		d.relink = true
	}
	if len(s.st.stretches) == 1 {
		return
	}
	var next *stretch
	for _, o := range s.st.stretches {
		if o.lo != s.hi+1 || o == s {
			continue
		}
		d.relink = true
		if o.tlo >= e.t-slack && o.tlo <= e.t+pause && (next == nil || o.tlo < next.tlo) {
			next = o
		}
	}
	if next != nil {
		next.filledAt = e.at
		d.join(s, next)
	}
}

// join makes one stretch of two that meet. If s came later, into the gap below next, what is left of that gap keeps its name.
func (d *device) join(s, next *stretch) {
	if next.born < s.born {
		s.shown, next.shown = next.shown, s.shown
		next.filledAt = 0
	}
	s.hi, s.seqHi, s.grownAt = next.hi, next.seqHi, next.grownAt
	s.tlo, s.thi = min(s.tlo, next.tlo), max(s.thi, next.thi)
	s.change()
	d.remove(next)
	d.joined = append(d.joined, next)
	d.relink = true
}

// settle joins stretches of a session that meet with a pause between them, where nothing can be expected any more to
// come between. Without it a long session would be a stretch for each pause.
func (d *device) settle(st *stream, now int64) {
	if n := len(st.stretches); n == 0 || n%settleEach != 0 {
		return
	}
	for i := 0; i < len(st.stretches); i++ {
		s := st.stretches[i]
		for _, o := range st.stretches {
			if o.lo == s.hi+1 && o.tlo >= s.thi && max(o.bornAt, o.filledAt, s.grownAt) <= now-settled && !st.beyond(o.lo, s.thi, o.tlo) {
				o.filledAt = max(o.filledAt, s.grownAt)
				d.join(s, o)
				i = -1 // the list has changed
				break
			}
		}
	}
}

func (d *device) begin(st *stream, e event, newID func() int64, floor int64, floorSeq uint64) *stretch {
	s := &stretch{
		id: newID(), st: st, lo: e.n, hi: e.n, tlo: e.t, thi: e.t, seqLo: e.seq, seqHi: e.seq,
		grownAt: e.at, floor: floor, floorSeq: floorSeq, shown: shown{born: e.seq, bornN: e.n, bornT: e.t, bornAt: e.at}, fresh: true,
	}
	s.change()
	d.settle(st, e.at)
	st.stretches = append(st.stretches, s)
	d.live = append(d.live, s)
	d.newest = max(d.newest, e.t)
	d.relink = true
	if len(d.live) > maxLive {
		d.forget(s)
	}
	return s
}

// revive makes a stretch of the end that was kept of a forgotten one.
func (d *device) revive(st *stream, newID func() int64) *stretch {
	end := event{n: st.tail.hi, t: st.tail.t, seq: st.tail.seq} // nothing new was recorded, so at is 0
	return d.begin(st, end, newID, end.n, end.seq)
}

func (d *device) remove(s *stretch) {
	d.live = drop(d.live, s)
	s.st.stretches = drop(s.st.stretches, s)
	s.gone = true
	if !s.fresh {
		d.deleted = append(d.deleted, s.id)
	}
}

// forget drops the oldest stretches of a device that has too many, all but the one just begun. Their gaps stay as they
// are, out of reach of late data; what goes on from them remembers where they ended.
func (d *device) forget(keep *stretch) {
	d.link()
	for range forgetBatch {
		oldest, at := (*stretch)(nil), int64(math.MaxInt64)
		for _, s := range d.live {
			if s != keep && s.thi < at {
				oldest, at = s, s.thi
			}
		}
		if oldest == nil {
			return
		}
		d.forgetOne(oldest)
	}
}

func (d *device) forgetOne(s *stretch) {
	for _, o := range d.live {
		if o.prev == s {
			o.floor, o.floorSeq, o.prev = s.hi+1, s.seqHi, nil
			o.change()
		}
	}
	st := s.st
	if !st.forgetful || s.thi >= st.tail.t {
		st.tail = tail{hi: s.hi, t: s.thi, seq: s.seqHi}
	}
	st.forgetful, st.horizon = true, max(st.horizon, s.thi)
	st.change()
	d.forgetful, d.horizon, d.dirty = true, max(d.horizon, s.thi), true
	d.forgotten = append(d.forgotten, forgotten{s, d.claimOf(s)})
	d.remove(s)
}

// forgotten is a stretch with the last that can be said of the gap below it.
type forgotten struct {
	*stretch
	claim claim
}

func drop(list []*stretch, s *stretch) []*stretch {
	for i, o := range list {
		if o == s {
			last := len(list) - 1
			copy(list[i:], list[i+1:])
			list[last] = nil
			return list[:last]
		}
	}
	return list
}
