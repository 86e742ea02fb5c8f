package reviews

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
)

// Filter chooses acts. Its zero value chooses all.
type Filter struct {
	Who           string // any identifier of who acted
	Kind          Kind
	Case          string
	After, Before time.Time // half-open; zero is no bound
}

// Validate refuses a kind there is not.
func (f Filter) Validate() error {
	if f.Kind != "" && !slices.Contains(Kinds(), f.Kind) {
		return fmt.Errorf("kind: %q is none of %s", f.Kind, strings.Join(kindNames(), ", "))
	}
	return nil
}

func kindNames() []string {
	var names []string
	for _, k := range Kinds() {
		names = append(names, string(k))
	}
	return names
}

// String says what is chosen, in words that a record of the look keeps: "kind:search who:ana@example.com", "everything".
func (f Filter) String() string {
	var words []string
	add := func(name, value string) {
		if value != "" {
			words = append(words, name+":"+search.Quote(value))
		}
	}
	add("kind", string(f.Kind))
	add("who", f.Who)
	add("case", f.Case)
	if !f.After.IsZero() {
		add("after", f.After.UTC().Format(time.RFC3339))
	}
	if !f.Before.IsZero() {
		add("before", f.Before.UTC().Format(time.RFC3339))
	}
	if len(words) == 0 {
		return "everything"
	}
	return strings.Join(words, " ")
}

// Query is what finds the acts, as a query of the search language. It may find a few more than the filter chooses.
func (f Filter) Query() string {
	var prefixes []string
	for _, t := range types {
		if f.Kind == "" || t.kind == f.Kind || t.kind == KindPage && pageKind(f.Kind) {
			prefixes = append(prefixes, t.prefix+"*")
		}
	}
	terms := []string{"source:tripod", "type:" + strings.Join(prefixes, ",")}
	if f.Who != "" {
		terms = append(terms, "user:"+search.Quote(f.Who))
	}
	if f.Case != "" {
		terms = append(terms, "case:"+search.Quote(f.Case))
	}

	if !f.After.IsZero() {
		terms = append(terms, "after:"+f.After.UTC().Format(instant))
	}
	if !f.Before.IsZero() {
		terms = append(terms, "before:"+f.Before.UTC().Format(instant))
	}
	return strings.Join(terms, " ")
}

// pageKind reports whether opening some page of the console is of a kind.
func pageKind(k Kind) bool {
	for _, page := range []string{"record", "session", "account", "organisation", "reviews", "case"} {
		if kindOfPage(page) == k {
			return true
		}
	}
	return false
}

// Log is who looked at what. Reader is required.
type Log struct {
	Reader *reading.Reader
	Texts  *Texts // opens the texts of queries; nil: they stay sealed
	// Veiled reports whether who looks may not learn what a case is about: its purpose is left out. Nil: none is.
	Veiled func(caseID string) bool
	// Unseen reports whether who looks may not know of a case at all, since it is about them: its acts are left out. Nil: none is.
	Unseen func(caseID string) bool
	// UpTo leaves out what stands behind a position: the look at the log itself. 0 is all.
	UpTo uint64
}

// Page is one page of the log.
type Page struct {
	Looks      []Look
	Next       string // cursor of the next page; "" when this was the last
	Unreadable reading.Unreadable
}

// mostRounds bounds how long one page looks for acts of a rare kind.
const mostRounds = 40

// List reads one page, newest first. It may hold fewer than limit and still have a next one.
func (l *Log) List(ctx context.Context, f Filter, cursor string, limit int) (*Page, error) {
	q, err := f.parse()
	if err != nil {
		return nil, err
	}
	p := &Page{Next: cursor}
	for range mostRounds {
		found, err := l.Reader.Find(ctx, q, search.Page{Limit: limit - len(p.Looks), Cursor: p.Next})
		if err != nil {
			return nil, err
		}
		p.Unreadable = append(p.Unreadable, found.Unreadable...)
		for i := range found.Items {
			if look, ok := l.take(f, &found.Items[i]); ok {
				p.Looks = append(p.Looks, look)
			}
		}
		if p.Next = found.Next; p.Next == "" || len(p.Looks) >= limit {
			break
		}
	}
	return p, l.Texts.fill(ctx, p.Looks)
}

// Told says what a stream of the log rests on.
type Told struct {
	Looks      int                `json:"looks"`
	Position   uint64             `json:"position"` // the journal as it stood
	Behind     uint64             `json:"behind"`   // records of it that the search view had yet to take in
	Unreadable reading.Unreadable `json:"unreadable,omitempty"`
}

// eachPage is how many acts are in memory at once.
const eachPage = 200

// Each streams all acts that a filter chooses, oldest first, as of one moment of the journal.
func (l *Log) Each(ctx context.Context, f Filter, use func(*Look) error) (Told, error) {
	var t Told
	q, err := f.parse()
	if err != nil {
		return t, err
	}
	if t.Position, t.Behind, err = l.reach(ctx); err != nil {
		return t, err
	}
	for cursor := ""; ; {
		found, err := l.Reader.FindUpTo(ctx, q, search.Page{Limit: eachPage, Cursor: cursor, Oldest: true}, t.Position)
		if err != nil {
			return t, err
		}
		t.Unreadable = append(t.Unreadable, found.Unreadable...)
		looks := make([]Look, 0, len(found.Items))
		for i := range found.Items {
			if look, ok := l.take(f, &found.Items[i]); ok {
				looks = append(looks, look)
			}
		}
		if err := l.Texts.fill(ctx, looks); err != nil {
			return t, err
		}
		for i := range looks {
			if err := use(&looks[i]); err != nil {
				return t, err
			}
			t.Looks++
		}
		if cursor = found.Next; cursor == "" {
			return t, nil
		}
	}
}

// reach is up to where the log is read, and what of it the search view has yet to take in.
func (l *Log) reach(ctx context.Context) (position, behind uint64, err error) {
	if position, err = l.Reader.Last(ctx); err != nil {
		return 0, 0, err
	}
	if l.UpTo > 0 {
		position = min(position, l.UpTo)
	}
	index, err := l.Reader.Search(ctx)
	if err != nil {
		return 0, 0, err
	}
	at, err := index.Position(ctx)
	return position, position - min(at, position), err
}

func (f Filter) parse() (*search.Query, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	return search.Parse(f.Query(), time.Now())
}

func (l *Log) take(f Filter, item *reading.Item) (Look, bool) {
	if item.Record == nil {
		return Look{}, false
	}
	if r := item.Record; r.Source == audit.SourceTripod && r.Case != "" && l.Unseen != nil && l.Unseen(r.Case) {
		return Look{}, false
	}
	look, ok := LookOf(item.Seq, item.Record)
	if look.Case != "" && l.Veiled != nil && l.Veiled(look.Case) {
		look.Purpose = ""
	}
	return look, ok && (f.Kind == "" || look.Kind == f.Kind)
}

// instant is how a query spells a time.
const instant = "2006-01-02T15:04:05.000Z"
