package hold

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Matter tells of a case its kind and whether it is open; "" for one that does not exist. It is called under the lock of
// acts.State, when its fold has taken in everything before the record in question, so it must not ask that State.
type Matter func(id string) (kind string, open bool)

// kindMatter is the kind of case that holds belong to.
const kindMatter = "matter"

// Book is what the records of holds amount to: an acts.Fold. A record that breaks a rule changes nothing.
type Book struct {
	matter Matter
	holds  map[string]*Hold
	years  map[int]int // the last number given by year
}

// NewBook makes an empty book.
func NewBook(m Matter) *Book {
	return &Book{matter: m, holds: make(map[string]*Hold), years: make(map[int]int)}
}

// Apply implements acts.Fold.
func (b *Book) Apply(seq uint64, r *audit.Record) {
	id := text(r, "hold")
	switch r.Type {
	case TypeSet:
		h, err := read(seq, r)
		if err == nil && b.maySet(h, r.Recorded) == nil {
			b.holds[h.ID] = h
			b.years[h.Set.Year()]++
		}
	case TypeAskRelease:
		if h, err := b.mayAsk(id, r.Account.Proved); err == nil {
			h.State, h.AskedBy, h.Asked, h.Last = Releasing, r.Account.Proved, r.Recorded, seq
		}
	case TypeKeep:
		if h, err := b.mayKeep(id); err == nil {
			h.State, h.AskedBy, h.Asked, h.Last = Active, audit.Identity{}, time.Time{}, seq
		}
	case TypeRelease:
		if h, err := b.mayRelease(id, r.Account.Proved); err == nil {
			h.State, h.ReleasedBy, h.Released, h.Last = Released, r.Account.Proved, r.Recorded, seq
		}
	}
}

// next is the id of the hold that is set next.
func (b *Book) next(now time.Time) string {
	return fmt.Sprintf("H-%04d-%04d", now.Year(), b.years[now.Year()]+1)
}

func (b *Book) maySet(h *Hold, now time.Time) error {
	if err := h.check(); err != nil {
		return err
	}
	switch kind, open := b.matter(h.Case); {
	case kind != kindMatter:
		return fmt.Errorf("%w: case %.40q is no matter: a hold belongs to one, open it with: tripod case open --kind matter", ErrInvalid, h.Case)
	case !open:
		return fmt.Errorf("matter %s is closed: %w", h.Case, ErrState)
	case h.About(h.By):
		return fmt.Errorf("%w: a custodian sets no hold over their own", ErrPerson)
	case h.ID != b.next(now):
		return fmt.Errorf("%w: %s is out of turn", ErrInvalid, h.ID)
	}
	return nil
}

func (b *Book) in(id string, state State) (*Hold, error) {
	h := b.holds[id]
	if h == nil {
		return nil, fmt.Errorf("hold %s: %w", strconv.Quote(id), ErrUnknown)
	}
	if h.State != state {
		return nil, fmt.Errorf("hold %s is %s: %w", id, h.State, ErrState)
	}
	return h, nil
}

func (b *Book) mayAsk(id string, by audit.Identity) (*Hold, error) {
	h, err := b.in(id, Active)
	if err == nil && by.Email == "" {
		return nil, fmt.Errorf("hold %s: %w: a release takes people who are proved to have an address, since by that they are told apart", id, ErrPerson)
	}
	if err == nil && h.About(by) {
		return nil, fmt.Errorf("hold %s: %w: a custodian has no part in its release", id, ErrPerson)
	}
	return h, err
}

func (b *Book) mayKeep(id string) (*Hold, error) { return b.in(id, Releasing) }

func (b *Book) mayRelease(id string, by audit.Identity) (*Hold, error) {
	h, err := b.in(id, Releasing)
	switch {
	case err != nil:
		return nil, err
	case Same(h.AskedBy, by):
		return nil, fmt.Errorf("hold %s: %w: its release takes a second person, other than who asked for it", id, ErrPerson)
	case h.About(by):
		return nil, fmt.Errorf("hold %s: %w: a custodian has no part in its release", id, ErrPerson)
	}
	return h, nil
}

// List copies the holds, the latest first.
func (b *Book) List() []Hold {
	list := make([]Hold, 0, len(b.holds))
	for _, h := range b.holds {
		list = append(list, *h)
	}
	slices.SortFunc(list, func(x, y Hold) int { return cmp.Compare(y.Seq, x.Seq) })
	return list
}

// Hold copies one; false where there is none.
func (b *Book) Hold(id string) (Hold, bool) {
	h := b.holds[id]
	if h == nil {
		return Hold{}, false
	}
	return *h, true
}

// OfCase lists the ids of the holds of a matter that are not released: it cannot be closed over them.
func (b *Book) OfCase(id string) []string {
	var ids []string
	for _, name := range slices.Sorted(maps.Keys(b.holds)) {
		if h := b.holds[name]; h.Case == id && h.State != Released {
			ids = append(ids, name)
		}
	}
	return ids
}

// attrs are a hold as the attributes of the record that sets it.
func (h *Hold) attrs() audit.Attrs {
	a := audit.Attrs{audit.TextAttr("hold", h.ID)}
	texts := func(name string, list []string) {
		if len(list) > 0 {
			values := make([]audit.Value, len(list))
			for i, s := range list {
				values[i] = audit.String(s)
			}
			a = append(a, audit.Attr{Name: name, Value: audit.Array(values...)})
		}
	}
	texts("containers", h.Containers)
	if len(h.Records) > 0 {
		values := make([]audit.Value, len(h.Records))
		for i, n := range h.Records {
			values[i] = audit.Int(int64(n))
		}
		a = append(a, audit.Attr{Name: "records", Value: audit.Array(values...)})
	}
	texts("custodians", h.Custodians)
	texts("known_as", h.KnownAs)
	surfaces := make([]string, len(h.Surfaces))
	for i, s := range h.Surfaces {
		surfaces[i] = string(s)
	}
	texts("surfaces", surfaces)
	if !h.From.IsZero() {
		a = append(a, audit.TextAttr("from", h.From.UTC().Format(time.RFC3339Nano)))
	}
	if !h.Until.IsZero() {
		a = append(a, audit.TextAttr("until", h.Until.UTC().Format(time.RFC3339Nano)))
	}
	return a
}

// read makes a hold of the record that sets it.
func read(seq uint64, r *audit.Record) (*Hold, error) {
	h := &Hold{ID: text(r, "hold"), Case: r.Case, State: Active, By: r.Account.Proved, Set: r.Recorded, Seq: seq, Last: seq,
		KnownAs: texts(r, "known_as"),
		Scope:   Scope{Containers: texts(r, "containers"), Custodians: texts(r, "custodians")}}
	for _, s := range texts(r, "surfaces") {
		h.Surfaces = append(h.Surfaces, audit.Surface(s))
	}
	records, _ := r.Attributes.Get("records")
	for _, v := range records.Items() {
		n, ok := v.Int64()
		if !ok || n < 1 {
			return nil, fmt.Errorf("hold %s: a position that is none", h.ID)
		}
		h.Records = append(h.Records, uint64(n))
	}
	for name, t := range map[string]*time.Time{"from": &h.From, "until": &h.Until} {
		if s := text(r, name); s != "" {
			var err error
			if *t, err = time.Parse(time.RFC3339Nano, s); err != nil {
				return nil, fmt.Errorf("hold %s: %s: %w", h.ID, name, err)
			}
		}
	}
	return h, nil
}

func text(r *audit.Record, name string) string {
	v, _ := r.Attributes.Get(name)
	return strings.TrimSpace(v.Str())
}

func texts(r *audit.Record, name string) (list []string) {
	v, _ := r.Attributes.Get(name)
	for _, item := range v.Items() {
		list = append(list, item.Str())
	}
	return list
}
