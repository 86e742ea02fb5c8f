package sweep

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// What can have become of a thing.
const (
	FirstSeen = "first_seen"
	Changed   = "changed"
	Removed   = "removed"
	Returned  = "returned"
)

// Change is what has become of a thing between two sweeps.
type Change struct {
	List, Kind, ID string
	What           string
	// Fields are those of the thing now; of one that is gone those it had, as far as they stood in its records.
	Fields []Field
	// Names are the fields that have changed, and Previous what those of them were that stand in records.
	Names    []string
	Previous map[string]audit.Value
	At       time.Time // of the answer that shows it, by the server
	Before   time.Time // of the last sweep that showed it otherwise; zero in the first
	N        int       // which record of the thing this is, from 1

	next entry
}

// compare tells what differs from what is known, parents before what they hold.
func (c *Collector) compare(r *Reading) (*difference, error) {
	d := &difference{c: c, r: r}
	for _, name := range r.order {
		l := r.lists[name]
		for _, id := range slices.Sorted(maps.Keys(l.things)) {
			if err := d.thing(name, l.things[id]); err != nil {
				return nil, err
			}
		}
		if l.whole {
			if err := d.missing(name, l); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}

type difference struct {
	c       *Collector
	r       *Reading
	changes []Change
	doubts  []string // what is missing and not believed gone yet
	// unreached are the organisations that are missing. narrowed: some were there in the last reading that lacked nothing else.
	unreached []string
	narrowed  bool
}

// thing tells what has become of one that is there.
func (d *difference) thing(list string, t *Thing) error {
	is, err := fieldsOf(t, d.c.st.sum)
	if err != nil {
		return fmt.Errorf("compare %s: %w", list, err)
	}
	was := d.c.known[list][t.ID]
	ch := Change{Kind: kindOf(list), List: list, ID: t.ID, Fields: t.Fields, At: t.At, Before: d.c.st.Swept, N: 1, next: entry{N: 1, Is: is}}
	switch {
	case was == nil:
		ch.What = FirstSeen
	case was.Gone:
		ch.What = Returned
	case bytes.Equal(was.Is, is):
		if was.Out {
			d.remember(list, t.ID, entry{N: was.N, Is: was.Is})
		}
		return nil
	default:
		ch.What = Changed
		if err := ch.tell(was.Is, is); err != nil {
			return fmt.Errorf("compare %s: %w", list, err)
		}
	}
	if was != nil {
		ch.N, ch.next.N = was.N+1, was.N+1
	}
	d.changes = append(d.changes, ch)
	return nil
}

// tell names the fields that differ.
func (ch *Change) tell(was, is fields) error {
	before, err := was.values()
	if err != nil {
		return err
	}
	now, err := is.values()
	if err != nil {
		return err
	}
	ch.Previous = map[string]audit.Value{}
	names := slices.Collect(maps.Keys(before))
	for name := range now {
		if _, there := before[name]; !there {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		old, was := before[name]
		if cur, is := now[name]; was == is && same(old, cur) {
			continue
		}
		plain := strings.TrimPrefix(name, sumMark)
		if !slices.Contains(ch.Names, plain) { // one that was text and is a number now has both forms of its name
			ch.Names = append(ch.Names, plain)
		}
		if was && plain == name {
			ch.Previous[plain] = old
		}
	}
	return nil
}

func same(a, b audit.Value) bool {
	x, errX := a.MarshalJSON()
	y, errY := b.MarshalJSON()
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// A list that loses more than half of what is in it may be an answer gone wrong.
const fewMissing = 5

// missing tells what has become of those that are not there.
func (d *difference) missing(name string, l *list) error {
	ids := d.c.known.missing(name, l.things)
	if name == d.r.Reach {
		d.reach(ids)
		return nil
	}
	ids = d.within(name, ids)
	doubtful := len(ids) >= fewMissing && 2*len(ids) > d.c.known.there(name)
	for _, id := range ids {
		if at := name + "/" + id; doubtful && !slices.Contains(d.c.st.Doubts, at) {
			d.doubts = append(d.doubts, at)
			continue
		}
		if err := d.gone(name, id, l.at); err != nil {
			return err
		}
	}
	return nil
}

// gone tells that a thing is gone, and all it held with it.
func (d *difference) gone(list, id string, at time.Time) error {
	was := d.c.known[list][id]
	values, err := was.Is.values()
	if err != nil {
		return fmt.Errorf("compare %s: %w", list, err)
	}
	ch := Change{Kind: kindOf(list), List: list, ID: id, What: Removed, At: at, Before: d.c.st.Swept, N: was.N + 1, next: entry{N: was.N + 1, Gone: true}}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !strings.HasPrefix(name, sumMark) {
			ch.Fields = append(ch.Fields, Field{Name: name, Value: values[name], Class: audit.ClassMetadata})
		}
	}
	d.changes = append(d.changes, ch)
	for _, below := range d.c.known.below(list, id) {
		if strings.Count(below, "/") != strings.Count(list, "/")+2 {
			continue // held by something in between, which brings it along
		}
		for _, held := range d.c.known.missing(below, nil) {
			if err := d.gone(below, held, at); err != nil {
				return err
			}
		}
	}
	return nil
}
