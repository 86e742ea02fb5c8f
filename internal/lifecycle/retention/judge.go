package retention

import (
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/lifecycle/hold"
)

// parts lists what a record has that classes are for, in the order they are judged.
var parts = [...]What{Records, Texts, Details}

// has reports whether a record has a part.
func has(r *audit.Record, w What) bool {
	if w == Records {
		return true
	}
	for i := range r.Content {
		if r.Content[i].Address != "" && w.is(r.Content[i].Class) {
			return true
		}
	}
	return false
}

// is reports whether content of a class is this part.
func (w What) is(c audit.Class) bool { return string(w) == string(c) }

// class is the class that decides on a part of a record, -1 where none is for it.
func (c *Config) class(r *audit.Record, w What) int {
	for i := range c.Classes {
		if c.Classes[i].What == w && c.Classes[i].matches(r) {
			return i
		}
	}
	return -1
}

// statutory finds the class that a law asks to keep a part of a record for, and until when, where that is not over: a record
// cannot go while a law keeps its text, and its text cannot while a law keeps the record whole.
func (c *Config) statutory(r *audit.Record, w What, now time.Time) (name string, until time.Time) {
	for i := range c.Classes {
		class := &c.Classes[i]
		if !class.Statutory || !class.matches(r) || !(class.What == w || class.What == Records || w == Records && has(r, class.What)) {
			continue
		}
		if end := class.Keep.After(r.Recorded); now.Before(end) && end.After(until) {
			name, until = class.Name, end
		}
	}
	return name, until
}

// verdict is what becomes of one part of one record.
type verdict struct {
	class   int // that it is of; -1: none
	ground  Ground
	destroy bool
	until   time.Time // when a statutory period is over
	holds   []string
}

// judge judges one part of a record by time alone: nobody ordered its erasure.
func (c *Config) judge(seq uint64, r *audit.Record, w What, now time.Time, held *hold.Holding) verdict {
	v := verdict{class: c.class(r, w), ground: GroundPreference}
	if v.class < 0 || !has(r, w) {
		return verdict{class: -1}
	}
	class := &c.Classes[v.class]
	if class.Keep.Forever() || now.Before(class.Keep.After(r.Recorded)) {
		return v
	}
	claims := Claims{Expired: true}
	v.holds = held.Record(seq, r)
	claims.Held = len(v.holds) > 0
	_, v.until = c.statutory(r, w, now)
	claims.Statutory = !v.until.IsZero()
	v.destroy, v.ground = Judge(claims)
	return v
}
