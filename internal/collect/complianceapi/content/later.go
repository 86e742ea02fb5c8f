package content

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"time"
)

// later holds what is to be read, or read again, when it is due. Thousands of sessions may wait to settle at once, so it
// lies in drawers, each a cursor of its own: with a page those are written that it changes. A drawer is never changed in
// place, so that copies of a state share the others.
type later [64][]item

func (l *later) of(it *item) *[]item {
	return &l[crc32.ChecksumIEEE([]byte(it.Kind+" "+it.ID+" "+it.Version))%uint32(len(l))]
}

func (l *later) put(it item) {
	d := l.of(&it)
	*d = append(slices.Clone(*d), it)
}

// drop takes out what is to be read of the same thing.
func (l *later) drop(it *item) (was item, ok bool) {
	d := l.of(it)
	at := slices.IndexFunc(*d, func(o item) bool { return o.same(it) })
	if at < 0 {
		return item{}, false
	}
	was = (*d)[at]
	*d = slices.Delete(slices.Clone(*d), at, at+1)
	return was, true
}

// due takes one thing out that is due.
func (l *later) due(now time.Time) (it item, ok bool) {
	for i := range l {
		at := slices.IndexFunc(l[i], func(it item) bool { return !it.Due.After(now) })
		if at >= 0 {
			it = l[i][at]
			l[i] = slices.Delete(slices.Clone(l[i]), at, at+1)
			return it, true
		}
	}
	return item{}, false
}

// wait is how long nothing is due, at most as long as given.
func (l *later) wait(now time.Time, most time.Duration) time.Duration {
	for i := range l {
		for j := range l[i] {
			most = min(most, l[i][j].Due.Sub(now))
		}
	}
	return most
}

// putOff counts what was tried and did not come.
func (l *later) putOff() (n int) {
	for i := range l {
		for j := range l[i] {
			if l[i][j].Tries > 0 {
				n++
			}
		}
	}
	return n
}

func drawer(cursor string, i int) string { return cursor + " later " + strconv.Itoa(i) }

// encode adds the drawers that differ from those that are durable to cursors.
func (l *later) encode(durable *later, cursor string, cursors map[string][]byte) error {
	for i := range l {
		d, was := l[i], durable[i]
		if len(d) == len(was) && (len(d) == 0 || &d[0] == &was[0]) {
			continue
		}
		var b []byte // nil forgets the cursor
		if len(d) > 0 {
			var err error
			if b, err = json.Marshal(d); err != nil {
				return fmt.Errorf("write the cursor %s: %w", drawer(cursor, i), err)
			}
		}
		cursors[drawer(cursor, i)] = b
	}
	return nil
}

func (l *later) load(ctx context.Context, from Cursors, cursor string) error {
	for i := range l {
		b, err := from.Cursor(ctx, drawer(cursor, i))
		if err == nil && b != nil {
			err = json.Unmarshal(b, &l[i])
		}
		if err != nil {
			return fmt.Errorf("read the cursor %s: %w", drawer(cursor, i), err)
		}
	}
	return nil
}
