package casebook

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Book is what cases and grants amount to: the fold of the acts about them. A record that breaks a rule changes nothing,
// whoever wrote it. It is read under State.Within.
type Book struct {
	cases  map[string]*Case
	grants map[string]*Grant
	of     map[string][]*Grant // the grants of each case, in the order of the requests
	alive  map[string]*Grant   // see living
	last   map[string]int      // highest number by letter and year
	high   time.Time           // latest time of a record
	holds  func(caseID string) []string
}

// NewBook makes an empty book.
func NewBook() *Book {
	return &Book{cases: make(map[string]*Case), grants: make(map[string]*Grant), of: make(map[string][]*Grant), alive: make(map[string]*Grant), last: make(map[string]int)}
}

// HeldBy has the book ask which legal holds of a case are not released: a matter is not closed over them. It is called under
// the lock of acts.State, and must tell of everything before the record that is judged.
func (b *Book) HeldBy(holds func(caseID string) []string) { b.holds = holds }

// change is what an act does to the book, once it stands at a position.
type change func(seq uint64)

// Apply implements acts.Fold.
func (b *Book) Apply(seq uint64, r *audit.Record) {
	if r.Recorded.After(b.high) {
		b.high = r.Recorded
	}
	if r.Source != audit.SourceTripod {
		return
	}
	if apply, err := b.judge(deedOfRecord(r), b.high); err == nil && apply != nil {
		apply(seq)
	}
}

// Back implements acts.Keeper: a clock that was set back ends every grant that is open and every request that waits. A review
// that is not overdue is due when it would have been.
func (b *Book) Back(_ uint64, from, to time.Time) {
	for _, g := range b.grants {
		if g.settle(from); g.lives() {
			if g.State == Opened {
				g.Until = to
			}
			g.State = Expired
		}
		if g.ReviewDue.After(from) {
			g.ReviewDue = g.ReviewDue.Add(to.Sub(from))
		}
	}
	b.high = to
}

// judge says what an act does at a time, or which rule stands against it.
func (b *Book) judge(d *deed, now time.Time) (change, error) {
	switch d.typ {
	case TypeCaseOpen:
		return b.judgeOpen(d, now)
	case TypeCaseClose:
		return b.judgeClose(d, now)
	case TypeCaseJoin:
		return b.judgeJoin(d)
	case TypeCaseLeave:
		return b.judgeLeave(d, now)
	case TypeGrantRequest, TypeGrantBreakGlass:
		return b.judgeRequest(d, now)
	case TypeGrantApprove:
		return b.judgeApprove(d, now)
	case TypeGrantDeny:
		return b.judgeDeny(d, now)
	case TypeGrantWithdraw:
		return b.judgeWithdraw(d, now)
	case TypeGrantReview:
		return b.judgeReview(d)
	}
	return nil, nil
}

// next is the number that follows the highest of a year. Numbers are not used twice, also where old acts are gone.
func (b *Book) next(letter string, now time.Time) string {
	year := now.UTC().Year()
	return fmt.Sprintf("%s-%04d-%04d", letter, year, b.last[fmt.Sprint(letter, year)]+1)
}

// fresh refuses a number that was used, or is none.
func (b *Book) fresh(letter, id string) error {
	year, n, ok := serial(letter, id)
	if !ok {
		return fmt.Errorf("%w: %.20q is no number like %s-2026-0001", ErrInvalid, id, letter)
	}
	if n <= b.last[fmt.Sprint(letter, year)] {
		return fmt.Errorf("%w: the number %s is taken", ErrInvalid, id)
	}
	return nil
}

func (b *Book) take(letter, id string) {
	year, n, _ := serial(letter, id)
	b.last[fmt.Sprint(letter, year)] = n
}

// Case finds a case.
func (b *Book) Case(id string) (Case, bool) {
	c := b.cases[id]
	if c == nil {
		return Case{}, false
	}
	return c.clone(), true
}

// About reports whether a case is about somebody, as records prove them.
func (b *Book) About(id string, who audit.Identity) bool {
	c := b.cases[id]
	return c != nil && new(deed).of(who).by.among(c.about())
}

// Cases lists all cases, the latest first.
func (b *Book) Cases() []Case {
	list := make([]Case, 0, len(b.cases))
	for _, c := range b.cases {
		list = append(list, c.clone())
	}
	slices.SortFunc(list, func(x, y Case) int { return cmp.Compare(y.Seq, x.Seq) })
	return list
}

// Grant finds a grant as it stands at a time.
func (b *Book) Grant(id string, now time.Time) (Grant, bool) {
	g := b.grants[id]
	if g == nil {
		return Grant{}, false
	}
	return g.clone(now), true
}

// Grants lists the grants of a case, or of all where it is "", as they stand at a time, the latest first.
func (b *Book) Grants(caseID string, now time.Time) []Grant {
	var list []Grant
	if caseID != "" {
		for _, g := range slices.Backward(b.of[caseID]) {
			list = append(list, g.clone(now))
		}
		return list
	}
	for _, g := range b.grants {
		list = append(list, g.clone(now))
	}
	slices.SortFunc(list, func(x, y Grant) int { return cmp.Compare(y.Seq, x.Seq) })
	return list
}

// add takes a grant in.
func (b *Book) add(g *Grant) {
	b.take("G", g.ID)
	b.grants[g.ID], b.alive[g.ID] = g, g
	b.of[g.Case] = append(b.of[g.Case], g)
}

// living lists the grants that somebody may still have to do with, the latest first: requests that wait, grants that are
// open, and openings whose review is owed. Every page asks for them, so the others, which grow for ever, are let go of. What
// it lists is the book's own: who keeps one clones it.
func (b *Book) living() []*Grant {
	list := make([]*Grant, 0, len(b.alive))
	for id, g := range b.alive {
		if g.over(b.high) { // by a record's time, which does not run backwards
			delete(b.alive, id)
			continue
		}
		list = append(list, g)
	}
	slices.SortFunc(list, func(x, y *Grant) int { return cmp.Compare(y.Seq, x.Seq) })
	return list
}

// open finds a case that is open.
func (b *Book) open(id string) (*Case, error) {
	c := b.cases[id]
	switch {
	case c == nil:
		return nil, fmt.Errorf("%w: %.40q", ErrUnknown, id)
	case c.State != Open:
		return nil, fmt.Errorf("case %s is closed: %w, open another", id, ErrOver)
	}
	return c, nil
}

// grant finds a grant and its case.
func (b *Book) grant(id string) (*Grant, *Case, error) {
	g := b.grants[id]
	if g == nil || b.cases[g.Case] == nil {
		return nil, nil, fmt.Errorf("%w: %.40q", ErrUnknown, id)
	}
	return g, b.cases[g.Case], nil
}

// end ends the grants of a case that live: of everybody, or of one person.
func (b *Book) end(caseID string, of *Ref, now time.Time) {
	for _, g := range b.of[caseID] {
		if of != nil && !g.By.is(*of) {
			continue
		}
		if g.settle(now); !g.lives() {
			continue
		}
		if g.State == Opened && now.Before(g.Until) {
			g.Until = now
		}
		g.State = Expired
	}
}
