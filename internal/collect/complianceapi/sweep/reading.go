package sweep

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
)

// Thing is one row of a list: an account, a group, a setting.
type Thing struct {
	ID     string
	Fields []Field   // in the order in which a record tells them
	At     time.Time // of the answer it was in; Put sets it
}

// Field is one field of a thing.
type Field struct {
	Name string
	// Value is what stands in the record, where Class is ClassMetadata.
	Value audit.Value
	// Content is what stands beside it otherwise.
	Class   audit.Class
	Kind    audit.Kind
	Content []byte
	// Differs: the thing has changed where this field has. Of a field that nobody knows, nobody knows whether it stands
	// still.
	Differs bool
}

// Reading is one reading of a part. Lists have names like paths: "organization/ID/user" is a list of the thing ID in the
// list "organization", and ends with it.
type Reading struct {
	known known
	lists map[string]*list
	order []string
	// Reach names the list of the organisations that a key reaches: the API does not tell one that is gone from one out of
	// the key's reach, so what is missing there never counts as gone. It is read before any other list.
	Reach string

	began       time.Time // by the server, with the first answer
	requests    int64
	first, last string // request ids
	trouble     error  // why the first unread list could not be read
	unread      []string
	failing     map[string]failing // by kind of list
}

// list is one list that was read to its end.
type list struct {
	things map[string]*Thing
	at     time.Time // of the last answer
	// whole: what is not in it is gone. A row that could not be read may be anybody's.
	whole bool
}

func newReading(k known) *Reading {
	return &Reading{known: k, lists: map[string]*list{}, failing: map[string]failing{}}
}

// Answered counts an answer.
func (r *Reading) Answered(requestID string, date time.Time) time.Time {
	if date.IsZero() {
		date = time.Now().UTC()
	}
	if r.requests == 0 {
		r.began, r.first = date, requestID
	}
	r.requests++
	r.last = requestID
	return date
}

// Put takes a list that was read to its end. Where some of it could not be read, nothing that is missing counts as gone.
func (r *Reading) Put(name string, at time.Time, things []Thing, whole bool) {
	l := r.lists[name]
	if l == nil {
		l = &list{things: make(map[string]*Thing, len(things)), at: at, whole: true}
		r.lists[name] = l
		r.order = append(r.order, name)
	}
	if l.at, l.whole = at, l.whole && whole; !whole {
		r.Unread(name, fmt.Errorf("%w: rows without an id", api.ErrMalformed))
	}
	for i := range things {
		things[i].At = at
		l.things[things[i].ID] = &things[i]
	}
}

// Unread notes a list that could not be read: what is known of it stands.
func (r *Reading) Unread(name string, why error) {
	if r.trouble == nil {
		r.trouble = why
	}
	r.unread = append(r.unread, name)
}

// mostPages bounds a walk: a server that always has another page must not keep it for ever.
const mostPages = 10_000

// Walk reads a list page by page and tells the ids in it. parse tells a thing of a row, or that there is none in it. Where
// rows of more than one page are missing the list is read once more: a row that left between two pages can push another
// over the edge between them.
func (r *Reading) Walk(ctx context.Context, name string, fetch func(ctx context.Context, page string) (api.Listing, error), parse func(row []byte) (Thing, bool)) ([]string, error) {
	pages, err := r.walk(ctx, name, fetch, parse)
	if err == nil && pages > 1 && len(r.known.missing(name, r.lists[name].things)) > 0 {
		if _, err = r.walk(ctx, name, fetch, parse); err != nil {
			r.lists[name].whole = false
		}
	}
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(r.lists[name].things)), nil
}

func (r *Reading) walk(ctx context.Context, name string, fetch func(context.Context, string) (api.Listing, error), parse func([]byte) (Thing, bool)) (pages int, err error) {
	var things []Thing
	whole, at := true, time.Time{}
	for page := ""; pages == 0 || page != ""; pages++ {
		if pages == mostPages {
			return pages, fmt.Errorf("%w: a list of more than %d pages", api.ErrMalformed, mostPages)
		}
		l, err := fetch(ctx, page)
		if err != nil {
			return pages, err
		}
		at = r.Answered(l.RequestID, l.Date)
		for _, row := range l.Rows {
			if t, ok := parse(row); ok {
				things = append(things, t)
			} else {
				whole = false
			}
		}
		page = l.Next
	}
	r.Put(name, at, things, whole)
	return pages, nil
}

// kindOf is the kind of the things of a list.
func kindOf(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
