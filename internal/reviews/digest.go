package reviews

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
)

// Digest is what happened in a week: facts for a privacy officer, without scores. People stand beside the case under which
// they opened content, and nowhere else; nobody is counted.
type Digest struct {
	Week  Week         `json:"week"`
	From  time.Time    `json:"from"`
	Until time.Time    `json:"until"`
	Acts  map[Kind]int `json:"acts"` // by kind
	// Refused counts what somebody asked for and may not do, failed sign-ins among it.
	Refused  int        `json:"refused"`
	Openings []Openings `json:"openings"`
	Grants   Decisions  `json:"grants"`
	// BreakGlass are grants taken alone: of this week, and of before where their review was still owed.
	BreakGlass []BreakGlass `json:"break_glass"`
	// Cases are those open at the end of the week, and those under which content was opened in it.
	Cases     []CaseLine `json:"cases"`
	OpenCases int        `json:"open_cases"`
	// Position is how far the journal had come; Behind is what the search view had yet to take in of it.
	Position   uint64 `json:"position"`
	Behind     uint64 `json:"behind"`
	Unreadable int    `json:"unreadable,omitempty"`
}

// Openings counts openings of content of a purpose and class.
type Openings struct {
	Purpose  string      `json:"purpose"`
	Class    audit.Class `json:"class"`
	Openings int         `json:"openings"`
	Cases    int         `json:"cases"`
}

// Decisions counts what became of grants.
type Decisions struct {
	Requested int `json:"requested"`
	Approved  int `json:"approved"`
	Denied    int `json:"denied"`
	Withdrawn int `json:"withdrawn"`
}

// BreakGlass is a grant that somebody took alone.
type BreakGlass struct {
	Grant      string      `json:"grant"`
	Case       string      `json:"case"`
	Class      audit.Class `json:"class"`
	At         time.Time   `json:"at"`
	By         string      `json:"by"`
	ReviewDue  time.Time   `json:"review_due"`
	ReviewedBy string      `json:"reviewed_by,omitempty"`
	Justified  bool        `json:"justified"`
	Overdue    bool        `json:"overdue"` // at the end of the week; of one that is not over, by now
}

// CaseLine is a case and who opened content under it.
type CaseLine struct {
	Case     string           `json:"case"`
	Kind     casebook.Kind    `json:"kind"`
	Purpose  casebook.Purpose `json:"purpose,omitempty"` // left out of privileged matters
	Owner    string           `json:"owner,omitempty"`   // likewise
	Opened   time.Time        `json:"opened"`
	Closed   *time.Time       `json:"closed,omitempty"` // within the week
	Openings int              `json:"openings"`
	Openers  []string         `json:"opened_by,omitempty"` // by name
}

// ClosedAt is when it was closed, the zero time where it was not within the week.
func (c CaseLine) ClosedAt() time.Time {
	if c.Closed == nil {
		return time.Time{}
	}
	return *c.Closed
}

// Alarming reports whether something in it waits for somebody.
func (d *Digest) Alarming() bool {
	return slices.ContainsFunc(d.BreakGlass, func(b BreakGlass) bool { return b.ReviewedBy == "" })
}

// OpeningsInAll is how often content was opened.
func (d *Digest) OpeningsInAll() (n int) {
	for _, o := range d.Openings {
		n += o.Openings
	}
	return n
}

// Overdue is how many reviews were owed beyond their time.
func (d *Digest) Overdue() (n int) {
	for _, b := range d.BreakGlass {
		if b.Overdue {
			n++
		}
	}
	return n
}

// Digest reads the digest of a week out of the log.
func (l *Log) Digest(ctx context.Context, w Week) (*Digest, error) {
	s := newSummary(w)
	if now := time.Now(); now.Before(s.asOf) {
		s.asOf = now
	}
	told, err := (&Log{Reader: l.Reader, UpTo: l.UpTo}).Each(ctx, Filter{After: w.Begin(), Before: w.End()}, func(look *Look) error {
		s.add(look)
		return nil
	})
	if err != nil {
		return nil, err
	}
	book, err := bookAt(ctx, l.Reader, w.End())
	if err != nil {
		return nil, err
	}
	d := s.digest(book)
	d.Position, d.Behind, d.Unreadable = told.Position, told.Behind, len(told.Unreadable)
	return d, nil
}

// bookAt is what cases and grants amounted to before a time.
func bookAt(ctx context.Context, r *reading.Reader, end time.Time) (*casebook.Book, error) {
	index, err := r.Search(ctx)
	if err != nil {
		return nil, err
	}
	q, err := search.Parse("source:tripod type:tripod.case.*,tripod.grant.* before:"+end.UTC().Format(instant), time.Now())
	if err != nil {
		return nil, err
	}
	var seqs []uint64
	for page := (search.Page{Limit: search.MaxLimit}); ; {
		found, err := index.Find(ctx, q, page)
		if err != nil {
			return nil, err
		}
		for _, h := range found.Hits {
			seqs = append(seqs, h.Seq)
		}
		if page.Cursor = found.Next; page.Cursor == "" {
			break
		}
	}
	slices.Sort(seqs) // a clock that was set back changes nothing
	book := casebook.NewBook()
	for _, seq := range seqs {
		item, err := r.Record(ctx, seq)
		var damaged *journal.CorruptError
		if errors.As(err, &damaged) || errors.Is(err, journal.ErrNotFound) {
			continue // passed over, as the fold that decides does
		}
		if err != nil {
			return nil, err
		}
		if item.Record != nil {
			book.Apply(seq, item.Record)
		}
	}
	return book, nil
}

// summary gathers the acts of a week.
type summary struct {
	week     Week
	asOf     time.Time // the end of the week, or now where it is not over
	d        *Digest
	openings map[Openings]*group // by purpose and class alone
	byCase   map[string]*group
}

// group is openings that belong together.
type group struct {
	n     int
	cases map[string]bool
	who   map[string]bool
}

func newSummary(w Week) *summary {
	return &summary{week: w, asOf: w.End(), d: &Digest{Week: w, From: w.Begin(), Until: w.End(), Acts: make(map[Kind]int)},
		openings: make(map[Openings]*group), byCase: make(map[string]*group)}
}

func (g *group) add(l *Look) {
	g.n++
	if g.cases[l.Case] = true; l.Who != "" {
		g.who[l.Who] = true
	}
}

func groupOf[K comparable](m map[K]*group, key K) *group {
	if m[key] == nil {
		m[key] = &group{cases: make(map[string]bool), who: make(map[string]bool)}
	}
	return m[key]
}

func (s *summary) add(l *Look) {
	s.d.Acts[l.Kind]++
	switch {
	case l.Kind == KindRefused:
		s.d.Refused += refusals(l.item)
	case l.Kind == KindContent:
		groupOf(s.openings, Openings{Purpose: l.Purpose, Class: l.Class}).add(l)
		groupOf(s.byCase, l.Case).add(l)
	case l.Type == casebook.TypeGrantRequest:
		s.d.Grants.Requested++
	case l.Type == casebook.TypeGrantApprove:
		s.d.Grants.Approved++
	case l.Type == casebook.TypeGrantDeny:
		s.d.Grants.Denied++
	case l.Type == casebook.TypeGrantWithdraw:
		s.d.Grants.Withdrawn++
	}
}

// refusals is how many a record stands for: they are bounded in number, and the next one tells how many were left out.
func refusals(r *audit.Record) int {
	v, _ := r.Attributes.Get("access.untold")
	n, _ := v.Int64()
	return 1 + int(max(0, min(n, 1<<30)))
}

// digest puts together what was gathered and what cases amount to at the end of the week.
func (s *summary) digest(book *casebook.Book) *Digest {
	d := s.d
	for key, g := range s.openings {
		d.Openings = append(d.Openings, Openings{key.Purpose, key.Class, g.n, len(g.cases)})
	}
	slices.SortFunc(d.Openings, func(a, b Openings) int {
		return cmp.Or(cmp.Compare(a.Purpose, b.Purpose), cmp.Compare(a.Class, b.Class))
	})
	for _, c := range book.Cases() {
		s.addCase(&c)
		for _, g := range book.Grants(c.ID, d.Until) {
			s.addBreakGlass(&g)
		}
	}
	slices.SortFunc(d.Cases, func(a, b CaseLine) int { return cmp.Compare(a.Case, b.Case) })
	slices.SortFunc(d.BreakGlass, func(a, b BreakGlass) int { return a.At.Compare(b.At) })
	return d
}

func (s *summary) addCase(c *casebook.Case) {
	g := s.byCase[c.ID]
	closed := c.Closed != nil && !c.Closed.Before(s.week.Begin())
	if c.State == casebook.Open {
		s.d.OpenCases++
	} else if g == nil && !closed {
		return
	}
	line := CaseLine{Case: c.ID, Kind: c.Kind, Purpose: c.Purpose, Owner: c.Owner.Label(), Opened: c.Opened}
	if len(c.Privileged) > 0 {
		line.Purpose, line.Owner = "", ""
	}
	if closed {
		line.Closed = c.Closed
	}
	if g != nil {
		line.Openings, line.Openers = g.n, slices.Sorted(maps.Keys(g.who))
	}
	s.d.Cases = append(s.d.Cases, line)
}

func (s *summary) addBreakGlass(g *casebook.Grant) {
	if !g.BreakGlass || g.At.Before(s.week.Begin()) && !g.Unreviewed() {
		return
	}
	s.d.BreakGlass = append(s.d.BreakGlass, BreakGlass{
		Grant: g.ID, Case: g.Case, Class: g.Class, At: g.At, By: g.By.Label(), ReviewDue: g.ReviewDue, ReviewedBy: g.ReviewedBy.Label(), Justified: g.Justified,
		Overdue: g.Unreviewed() && !s.asOf.Before(g.ReviewDue),
	})
}
