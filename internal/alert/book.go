package alert

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Types of the records by which people decide about alerts.
const (
	TypeAcknowledge  = "tripod.alert.acknowledge"
	TypeResolve      = "tripod.alert.resolve"
	TypeExcept       = "tripod.alert.except"
	TypeEndException = "tripod.alert.except_end"
)

// Attributes of those records. Reasons are content.
const (
	attrAlert     = "alert"
	attrRule      = "rule"
	attrGroup     = "group" // keyed digest; absent for every group of the rule
	attrUpTo      = "up_to" // position of the last firing that was seen
	attrUntil     = "until"
	attrException = "exception"
)

// MaxException is how long an exception lasts at most: what nobody looks at again for longer belongs into the rule.
const MaxException = 366 * 24 * time.Hour

// maxDecisions bounds the decisions about one alert that are kept for its page.
const maxDecisions = 50

// Errors by which a caller decides.
var (
	ErrUnknown = errors.New("no such alert")
	ErrState   = errors.New("not in the state for it")
	ErrInvalid = errors.New("not as it should be")
	ErrPerson  = errors.New("not by this person")
)

// Decision is what somebody decided about an alert.
type Decision struct {
	Type  string         `json:"type"`
	Seq   uint64         `json:"record"` // its reason is that record's content
	At    time.Time      `json:"at"`
	By    audit.Identity `json:"by"`
	UpTo  uint64         `json:"up_to,omitempty"`
	Until time.Time      `json:"until,omitzero"`
}

// Exception is that a rule's firings, about one group or every one, call nobody for a while.
type Exception struct {
	ID    string         `json:"exception"` // "X-17": of the position of its record
	Rule  string         `json:"rule"`
	Group string         `json:"group,omitempty"` // keyed digest; "" for every group
	Alert string         `json:"alert"`           // the alert it was made from
	Seq   uint64         `json:"record"`
	UpTo  uint64         `json:"up_to"`
	Set   time.Time      `json:"set"`
	Until time.Time      `json:"until"` // the first instant without it
	By    audit.Identity `json:"by"`
	Ended time.Time      `json:"ended,omitzero"` // somebody ended it before
	Past  uint64         `json:"past,omitempty"` // position of the record that ended it
}

// covers reports whether an exception is over the last firing of an alert.
func (x *Exception) covers(a *Alert) bool {
	if x.Rule != a.Rule || x.Group != "" && x.Group != a.group || x.Past != 0 && a.LastSeq > x.Past {
		return false
	}
	if x.Alert == a.ID && a.LastSeq <= x.UpTo {
		return x.Past == 0 // what was there when it was made, unless it was taken back
	}
	return a.LastSeq > x.UpTo && a.Latest.Before(x.Until)
}

// Live reports whether an exception is in force.
func (x *Exception) Live(now time.Time) bool { return x.Past == 0 && now.Before(x.Until) }

// handled is what was decided about one alert.
type handled struct {
	ack, resolve Decision // the latest; Seq is 0 for none
	all          []Decision
}

// Book is what decisions about alerts amount to: an acts.Fold. A record that breaks a rule changes nothing. Whether an alert exists
// is not for it to know, since alerts are computed: a decision about none has no effect.
type Book struct {
	alerts     map[string]*handled
	exceptions []*Exception // as they were made
	changes    uint64       // position of the latest record that changed anything
}

// NewBook makes an empty book.
func NewBook() *Book { return &Book{alerts: make(map[string]*handled)} }

// Apply implements acts.Fold.
func (b *Book) Apply(seq uint64, r *audit.Record) {
	d := Decision{Type: r.Type, Seq: seq, At: r.Recorded, By: r.Account.Proved, UpTo: position(r, attrUpTo)}
	id := text(r, attrAlert)
	switch r.Type {
	case TypeAcknowledge:
		if b.mayAcknowledge(id, d.UpTo, seq) == nil {
			h := b.of(id)
			h.ack = d
			b.note(id, d)
		}
	case TypeResolve:
		if b.mayResolve(id, d.UpTo, seq) == nil {
			h := b.of(id)
			h.resolve = d
			b.note(id, d)
		}
	case TypeExcept:
		d.Until = instant(r, attrUntil)
		x := &Exception{ID: exceptionID(seq), Rule: text(r, attrRule), Group: text(r, attrGroup), Alert: id, Seq: seq, UpTo: d.UpTo, Set: r.Recorded, Until: d.Until, By: d.By}
		if b.mayExcept(x) == nil {
			b.exceptions = append(b.exceptions, x)
			b.note(id, d)
		}
	case TypeEndException:
		if x, err := b.mayEnd(text(r, attrException), r.Recorded); err == nil {
			x.Ended, x.Past = r.Recorded, seq
			b.note(x.Alert, d)
		}
	}
}

func (b *Book) of(id string) *handled {
	h := b.alerts[id]
	if h == nil {
		h = &handled{}
		b.alerts[id] = h
	}
	return h
}

func (b *Book) note(id string, d Decision) {
	h := b.of(id)
	h.all = append(h.all, d)
	if len(h.all) > maxDecisions {
		h.all = slices.Delete(h.all, 0, 1)
	}
	b.changes = d.Seq
}

func exceptionID(seq uint64) string { return fmt.Sprintf("X-%d", seq) }

// mayName wants the id of an alert, and a firing seen before the record that tells of it.
func mayName(id string, upTo, seq uint64) error {
	if raw, err := hex.DecodeString(id); err != nil || len(raw) != 16 {
		return fmt.Errorf("alert %.40q: %w", id, ErrUnknown)
	}
	if upTo == 0 || seq != 0 && upTo >= seq {
		return fmt.Errorf("alert %s: %w: a decision is about firings that were seen", id, ErrInvalid)
	}
	return nil
}

func (b *Book) mayAcknowledge(id string, upTo, seq uint64) error {
	if err := mayName(id, upTo, seq); err != nil {
		return err
	}
	if h := b.alerts[id]; h != nil && (h.ack.UpTo >= upTo && h.ack.Seq > h.resolve.Seq || h.resolve.UpTo >= upTo) {
		return fmt.Errorf("alert %s: %w: it is acknowledged or resolved already", id, ErrState)
	}
	return nil
}

func (b *Book) mayResolve(id string, upTo, seq uint64) error {
	if err := mayName(id, upTo, seq); err != nil {
		return err
	}
	if h := b.alerts[id]; h != nil && h.resolve.UpTo >= upTo {
		return fmt.Errorf("alert %s: %w: it is resolved already", id, ErrState)
	}
	return nil
}

func (b *Book) mayExcept(x *Exception) error {
	if err := mayName(x.Alert, x.UpTo, x.Seq); err != nil {
		return err
	}
	switch {
	case x.Rule == "":
		return fmt.Errorf("%w: an exception names a rule", ErrInvalid)
	case !x.Until.After(x.Set):
		return fmt.Errorf("%w: an exception ends after it begins: until is the first instant without it", ErrInvalid)
	case x.Until.After(x.Set.Add(MaxException)):
		return fmt.Errorf("%w: an exception lasts a year at most: what is meant for ever belongs into the rule", ErrInvalid)
	}
	for _, o := range b.exceptions {
		if o.Rule == x.Rule && o.Group == x.Group && o.Live(x.Set) && !x.Until.After(o.Until) {
			return fmt.Errorf("%w: %s covers it already, until %s", ErrState, o.ID, o.Until.Format(time.RFC3339))
		}
	}
	return nil
}

func (b *Book) mayEnd(id string, now time.Time) (*Exception, error) {
	for _, x := range b.exceptions {
		if x.ID == id {
			if !x.Live(now) {
				return nil, fmt.Errorf("exception %s: %w: it is over", id, ErrState)
			}
			return x, nil
		}
	}
	return nil, fmt.Errorf("exception %.40q: %w", id, ErrUnknown)
}

// judge says where an alert stands at a time. quiet is after how long without a firing it closes by itself.
func (b *Book) judge(a *Alert, now time.Time, quiet time.Duration) {
	a.State, a.Since, a.By, a.Exception, a.Reopened = Open, a.Opened, nil, nil, false
	h := b.alerts[a.ID]
	if h != nil && h.resolve.Seq != 0 {
		if h.resolve.UpTo >= a.LastSeq {
			a.State, a.Since, a.By = Resolved, h.resolve.At, &h.resolve.By
			return
		}
		a.Reopened, a.Since = true, a.Latest
	}
	for _, x := range b.exceptions {
		if x.covers(a) {
			copied := *x
			a.State, a.Since, a.By, a.Exception = Excepted, x.Set, &copied.By, &copied
			return
		}
	}
	if quiet > 0 && !now.Before(a.Latest.Add(quiet)) {
		a.State, a.Since = Quiet, a.Latest.Add(quiet)
		return
	}
	if h != nil && h.ack.Seq > h.resolve.Seq {
		a.State, a.Since, a.By = Acknowledged, h.ack.At, &h.ack.By
	}
}

// decisions copies what was decided about an alert, the latest first.
func (b *Book) decisions(id string) []Decision {
	h := b.alerts[id]
	if h == nil {
		return nil
	}
	list := slices.Clone(h.all)
	slices.Reverse(list)
	return list
}

// list copies the exceptions, those in force first, then the latest.
func (b *Book) list(now time.Time) []Exception {
	list := make([]Exception, 0, len(b.exceptions))
	for _, x := range b.exceptions {
		list = append(list, *x)
	}
	slices.SortFunc(list, func(x, y Exception) int {
		if x.Live(now) != y.Live(now) {
			if x.Live(now) {
				return -1
			}
			return 1
		}
		return cmp.Compare(y.Seq, x.Seq)
	})
	return list
}

func text(r *audit.Record, name string) string {
	v, _ := r.Attributes.Get(name)
	return v.Str()
}

func position(r *audit.Record, name string) uint64 {
	v, _ := r.Attributes.Get(name)
	if n, ok := v.Int64(); ok && n > 0 {
		return uint64(n)
	}
	return 0
}

func instant(r *audit.Record, name string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text(r, name))
	if err != nil {
		return time.Time{}
	}
	return t
}
