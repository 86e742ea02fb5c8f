package correlate

import (
	"cmp"
	"slices"
)

// Which process a record came from is not on the wire. What is known: a process counts from 0 without holes over all its
// events; it goes on counting when it changes its session (/clear, /resume inside it), and a session resumed by a new
// process is counted from 0 again (https://code.claude.com/docs/en/monitoring-usage, "Event correlation attributes").
// So a process is a chain of stretches in which number and time agree. link finds the chains; between two neighbours of
// one chain, and before its first, records are missing.
//
// Several explanations may fit. The one that misses nothing comes first, then the one nearest in time within the session,
// then, across sessions, the one that misses least: what is claimed is a lower bound.

// reach is how long, in microseconds, a process may be idle between two sessions to be recognised as one.
const reach = 7 * 24 * 3600 * 1_000_000

// earlyEvents bounds the numbers an old client may have given to events at its start that it then dropped.
const earlyEvents = 32

// chain is what one process sent, as far as is known: stretches ascending in number and time.
type chain struct {
	list []*stretch
	seen *stretch // asked last whether it goes on from this chain
}

// link finds for each live stretch of the device the one it goes on from. It is a pure function of the live stretches.
func (d *device) link() {
	slices.SortFunc(d.live, func(a, b *stretch) int {
		return cmp.Or(cmp.Compare(a.tlo, b.tlo), cmp.Compare(a.lo, b.lo), cmp.Compare(a.id, b.id))
	})
	d.newest = 0
	for _, s := range d.live {
		s.chain = &chain{list: []*stretch{s}}
		d.newest = max(d.newest, s.tlo)
	}
	d.pass(sameSessionNext)
	d.pass(sameSessionExactly, d.otherSessionExactly, clockPutBack, sameSession)
	if d.countsFromStart { // else what it went on from cannot be told from a start that was dropped
		d.pass(d.otherSession)
	}
	d.pass(clockPutBackAndLate)
	for _, s := range d.live {
		s.prev, s.watched, s.beside = nil, false, false
	}
	for _, s := range d.live {
		if list := s.chain.list; list[0] == s {
			for i := 1; i < len(list); i++ {
				list[i].prev, list[i-1].watched = list[i-1], true
			}
		}
	}
	for _, s := range d.live {
		s.beside, s.elsewhere = besideAnother(s), d.elsewhere(s)
	}
	d.relink, d.judge = false, true
}

// pass puts each chain whose start is missing behind the one that the first of the rules to find any finds, in the order
// in which they begin.
func (d *device) pass(rules ...func(*stretch) *stretch) {
	for _, s := range d.live {
		if s.chain.list[0] != s || s.lo <= s.floor {
			continue
		}
		for _, before := range rules {
			if p := before(s); p != nil {
				p.chain.add(s.chain)
				break
			}
		}
	}
}

// add puts another chain's stretches among those of this one.
func (c *chain) add(o *chain) {
	inOrder := c.last().lo < o.list[0].lo
	if c.list = append(c.list, o.list...); !inOrder {
		slices.SortStableFunc(c.list, func(a, b *stretch) int { return cmp.Compare(a.lo, b.lo) })
	}
	for _, s := range o.list {
		s.chain = c
	}
}

// below finds the last stretch of the chain whose numbers lie under n.
func (c *chain) below(n int64) *stretch {
	i, _ := slices.BinarySearchFunc(c.list, n, func(s *stretch, n int64) int { return cmp.Compare(s.hi, n) })
	if i == 0 {
		return nil
	}
	return c.list[i-1]
}

func (c *chain) last() *stretch { return c.list[len(c.list)-1] }

// fits reports whether the stretches of both make one chain, ascending in number and time.
func fits(c, o *chain) bool {
	i := 0
	for _, s := range o.list {
		for i < len(c.list) && c.list[i].lo <= s.lo {
			i++
		}
		if i > 0 && (c.list[i-1].hi >= s.lo || c.list[i-1].thi > s.tlo+slack) {
			return false
		}
		if i < len(c.list) && (c.list[i].lo <= s.hi || c.list[i].tlo < s.thi-slack) {
			return false
		}
	}
	return true
}

// mayPrecede reports whether s may go on from p, as far as the two alone tell.
func mayPrecede(p, s *stretch) bool {
	return p.chain != s.chain && p.hi < s.lo && p.hi+1 >= s.floor && p.thi <= s.tlo+slack
}

// sameSessionNext finds the stretch that was last in the session, if it ends where s begins.
func sameSessionNext(s *stretch) *stretch {
	var last *stretch
	for _, p := range s.st.stretches {
		if mayPrecede(p, s) && (last == nil || p.thi > last.thi) {
			last = p
		}
	}
	if last == nil || last.hi+1 != s.lo || !fits(last.chain, s.chain) {
		return nil
	}
	return last
}

// sameSessionExactly finds the stretch of the session that ends where s begins.
func sameSessionExactly(s *stretch) *stretch {
	var best *stretch
	for _, p := range s.st.stretches {
		if p.hi+1 == s.lo && mayPrecede(p, s) && (best == nil || p.thi > best.thi) && fits(p.chain, s.chain) {
			best = p
		}
	}
	return best
}

// otherSessionExactly finds a stretch of another session that ends where s begins: the process changed its session. If s
// could go on from its own session with a hole, the other must have been the last to be silent.
func (d *device) otherSessionExactly(s *stretch) *stretch {
	since := s.tlo - reach
	for _, p := range s.st.stretches {
		if mayPrecede(p, s) {
			since = max(since, p.thi-slack)
		}
	}
	var best *stretch
	for _, p := range d.live {
		if p.hi+1 == s.lo && p.st != s.st && p.thi >= since && mayPrecede(p, s) && (best == nil || p.thi > best.thi) && related(p, s) &&
			fits(p.chain, s.chain) {
			best = p
		}
	}
	return best
}

// sameSession finds the chain that had the session last before s.
func sameSession(s *stretch) *stretch {
	var best *stretch
	for _, o := range s.st.stretches {
		if !mayPrecede(o, s) || o.chain.seen == s {
			continue
		}
		o.chain.seen = s
		if p := o.chain.below(s.lo); mayPrecede(p, s) && (best == nil || p.thi > best.thi) && fits(p.chain, s.chain) {
			best = p
		}
	}
	return best
}

// otherSession finds the chain that leaves the smallest hole before s.
func (d *device) otherSession(s *stretch) *stretch {
	var best *stretch
	for _, o := range d.live {
		if o.chain.list[0] != o {
			continue // each chain once
		}
		p := o.chain.below(s.lo)
		if p == nil || !mayPrecede(p, s) || p.thi < s.tlo-reach || !related(p, s) {
			continue
		}
		if (best == nil || p.hi > best.hi || p.hi == best.hi && p.thi > best.thi) && fits(p.chain, s.chain) {
			best = p
		}
	}
	return best
}

// clockPutBack finds a chain of the session that ends where s begins, later by the source's clock, and came before.
func clockPutBack(s *stretch) *stretch {
	if p := clockPutBackAndLate(s); p != nil && p.seqHi < s.seqLo {
		return p
	}
	return nil
}

// clockPutBackAndLate is the same where batches came out of order, too: nothing but the numbers speaks for it.
func clockPutBackAndLate(s *stretch) *stretch {
	for _, p := range s.st.stretches {
		if p.hi+1 == s.lo && p.chain != s.chain && p.chain.last() == p {
			return p
		}
	}
	return nil
}

// related reports whether s may go on from p, for all their credentials tell. Records of one process come under one
// credential, but for a client whose credential was renewed: it goes on with the same session, and the old credential is silent.
func related(p, s *stretch) bool {
	if p.st.key.credential == s.st.key.credential {
		return true
	}
	return p.st.key.session == s.st.key.session && p.chain.last() == p
}

// elsewhere lists the numbers of the hole before s that came within it in another session, in stretches that belong to other
// processes as far as can be told: they are not claimed to be missing.
func (d *device) elsewhere(s *stretch) []Range {
	if s.prev == nil || s.prev.hi+1 == s.lo {
		return nil
	}
	var found []Range
	for _, o := range d.live {
		if o.st != s.st && o.lo > s.prev.hi && o.hi < s.lo && o.tlo >= s.prev.thi-slack && o.thi <= s.tlo+slack && related(o, s) {
			r := Range{o.lo, o.hi}
			if o.prev != nil && o.prev.lo > s.prev.hi && o.prev.tlo >= s.prev.thi-slack {
				r.First = o.prev.hi + 1 // the hole between them is claimed there
			}
			found = append(found, r)
			o.watched = true
		}
	}
	slices.SortFunc(found, func(a, b Range) int { return cmp.Compare(a.First, b.First) })
	return found
}

// besideAnother reports whether numbers missing before s came, while they were missing, from another process that shares the
// session: their records cannot be told apart.
func besideAnother(s *stretch) bool {
	lo, since := s.floor, s.tlo
	if s.prev != nil {
		lo, since = s.prev.hi+1, s.prev.thi
	}
	for _, o := range s.st.stretches {
		if o != s && o.lo < s.lo && o.hi >= lo && o.chain != s.chain && o.tlo <= s.tlo+slack && o.thi >= since-slack {
			return true
		}
	}
	return false
}
