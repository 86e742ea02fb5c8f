package alert

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
)

// ErrNone says that no outbox was ever made in a data directory.
var ErrNone = errors.New("no alerts were taken in here yet: start tripod serve")

// Keeper lists alerts and takes in what people decide about them.
type Keeper struct {
	store *store
	cfg   Config
	deps  Deps
}

// OpenKeeper opens the alerts of a data directory where no serve runs. Of deps it needs Firings, Rule, Book, Acts and Door.
func OpenKeeper(ctx context.Context, dir string, cfg Config, d Deps) (*Keeper, error) {
	if d.Rule == nil {
		d.Rule = func(string) (Rule, bool) { return Rule{}, false }
	}
	s, err := openStore(ctx, Path(dir), true)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", Path(dir), err)
	}
	return &Keeper{store: s, cfg: cfg, deps: d}, nil
}

// Close closes the file of a keeper that OpenKeeper opened.
func (k *Keeper) Close() error { return k.store.close() }

// Filter chooses alerts; its zero fields choose all.
type Filter struct {
	States   []State
	Severity Severity // at least
	Rule     string
	Limit    int // at most so many, the latest first; 0 for 200
}

// mostLooked bounds how many alerts a list looks through.
const mostLooked = 20_000

// List lists alerts, the latest first; more says that there are others.
func (k *Keeper) List(ctx context.Context, by *access.Person, f Filter) (list []Alert, more bool, err error) {
	if err := by.Allow(access.ReadRecords); err != nil {
		return nil, false, fmt.Errorf("list alerts: %w", err)
	}
	if f.Limit <= 0 {
		f.Limit = 200
	}
	found, err := alerts(ctx, k.store.db, `WHERE ?1 = '' OR rule = ?1 ORDER BY latest DESC, id LIMIT ?2`, f.Rule, mostLooked)
	if err != nil {
		return nil, false, fmt.Errorf("list alerts: %w", err)
	}
	err = k.deps.Acts.Within(ctx, func(now time.Time) error {
		for i := range found {
			a := &found[i]
			k.deps.Book.judge(a, now, k.cfg.Quiet)
			if a.Severity.Rank() < f.Severity.rankOr(0) || len(f.States) > 0 && !slices.Contains(f.States, a.State) {
				continue
			}
			if more = len(list) == f.Limit; more {
				return nil
			}
			list = append(list, *a)
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("list alerts: %w", err)
	}
	for i := range list {
		k.fill(ctx, &list[i])
	}
	return list, more || len(found) == mostLooked, nil
}

func (s Severity) rankOr(none int) int {
	if s == "" {
		return none
	}
	return s.Rank()
}

// Count counts alerts that are open, and how many of them are of severity high or above.
func (k *Keeper) Count(ctx context.Context) (open, grave int, latest time.Time, err error) {
	found, err := alerts(ctx, k.store.db, `WHERE over = 0 ORDER BY latest DESC LIMIT ?`, mostLooked)
	if err != nil {
		return 0, 0, latest, fmt.Errorf("count alerts: %w", err)
	}
	err = k.deps.Acts.Within(ctx, func(now time.Time) error {
		for i := range found {
			a := &found[i]
			if k.deps.Book.judge(a, now, k.cfg.Quiet); a.State != Open {
				continue
			}
			open++
			if latest.IsZero() {
				latest = a.Latest
			}
			if a.Severity.Rank() >= High.Rank() {
				grave++
			}
		}
		return nil
	})
	return open, grave, latest, err
}

// Past counts alerts of a rule since a time: of every group, and of the alert's own.
func (k *Keeper) Past(ctx context.Context, a *Alert, since time.Time) (rule, group int64, err error) {
	err = k.store.db.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(grp = ?1), 0) FROM alerts WHERE rule = ?2 AND latest >= ?3`, a.group, a.Rule, since.UnixMilli()).Scan(&rule, &group)
	if err != nil {
		err = fmt.Errorf("count alerts: %w", err)
	}
	return rule, group, err
}

// Show is one alert with what was decided about it; the error wraps ErrUnknown where there is none.
func (k *Keeper) Show(ctx context.Context, by *access.Person, id string) (Alert, Rule, error) {
	if err := by.Allow(access.ReadRecords); err != nil {
		return Alert{}, Rule{}, fmt.Errorf("show alert: %w", err)
	}
	a, err := k.get(ctx, id)
	if err != nil {
		return Alert{}, Rule{}, fmt.Errorf("show alert: %w", err)
	}
	err = k.deps.Acts.Within(ctx, func(time.Time) error { a.Decisions = k.deps.Book.decisions(id); return nil })
	rule, ok := k.deps.Rule(a.Rule)
	if !ok {
		rule = Rule{ID: a.Rule, Title: a.Title}
	}
	return a, rule, err
}

// get reads an alert as it stands.
func (k *Keeper) get(ctx context.Context, id string) (Alert, error) {
	list, err := alerts(ctx, k.store.db, `WHERE id = ?`, id)
	if err != nil {
		return Alert{}, err
	}
	if len(list) == 0 {
		return Alert{}, fmt.Errorf("alert %.40q: %w", id, ErrUnknown)
	}
	a := list[0]
	err = k.deps.Acts.Within(ctx, func(now time.Time) error { k.deps.Book.judge(&a, now, k.cfg.Quiet); return nil })
	k.fill(ctx, &a)
	return a, err
}

// fill puts the last firing to an alert, where the view of detections has it.
func (k *Keeper) fill(ctx context.Context, a *Alert) {
	if k.deps.Firings == nil {
		return
	}
	if f, ok, err := k.deps.Firings.Get(ctx, a.last); err == nil && ok {
		a.Firing = &f
	}
}

// Sent is what became of a message to a channel.
type Sent struct {
	Channel  string    `json:"channel"`
	Event    Event     `json:"event"`
	Made     time.Time `json:"made"`
	Sent     time.Time `json:"sent,omitzero"`
	GivenUp  time.Time `json:"given_up,omitzero"`
	Attempts int       `json:"attempts"`
	Error    string    `json:"error,omitempty"` // of the last attempt
}

// Messages lists what channels were told of an alert, in order.
func (k *Keeper) Messages(ctx context.Context, id string) (list []Sent, err error) {
	rows, err := k.store.db.QueryContext(ctx, `SELECT channel, event, made, sent, dead, attempts, error FROM messages WHERE alert = ? ORDER BY n LIMIT 200`, id)
	if err != nil {
		return nil, fmt.Errorf("list messages: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var s Sent
		var made, sent, dead int64
		if err := rows.Scan(&s.Channel, &s.Event, &made, &sent, &dead, &s.Attempts, &s.Error); err != nil {
			return nil, err
		}
		s.Made = moment(made)
		if sent > 0 {
			s.Sent = moment(sent)
		}
		if dead > 0 {
			s.GivenUp = moment(dead)
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// Exceptions lists the exceptions, those in force first.
func (k *Keeper) Exceptions(ctx context.Context, by *access.Person) (list []Exception, err error) {
	if err := by.Allow(access.ReadRecords); err != nil {
		return nil, fmt.Errorf("list exceptions: %w", err)
	}
	err = k.deps.Acts.Within(ctx, func(now time.Time) error { list = k.deps.Book.list(now); return nil })
	return list, err
}

// Acknowledge says that somebody looks into an alert. upTo is the last firing they saw; 0 is the last there is.
func (k *Keeper) Acknowledge(ctx context.Context, by *access.Person, id string, upTo uint64, note string) (Alert, error) {
	return k.decide(ctx, by, TypeAcknowledge, id, upTo, note, nil, func(a *Alert, now time.Time) error { return k.deps.Book.mayAcknowledge(id, a.LastSeq, 0) })
}

// Resolve closes an alert over the firings up to upTo; a later one opens it again.
func (k *Keeper) Resolve(ctx context.Context, by *access.Person, id string, upTo uint64, reason string) (Alert, error) {
	return k.decide(ctx, by, TypeResolve, id, upTo, reason, nil, func(a *Alert, now time.Time) error {
		if strings.TrimSpace(reason) == "" {
			return fmt.Errorf("%w: say what it was; it is kept as content", ErrInvalid)
		}
		return k.deps.Book.mayResolve(id, a.LastSeq, 0)
	})
}

// NewException is what somebody wants excepted.
type NewException struct {
	Until time.Time `json:"until"`
	// Every group of the rule, not only that of the alert.
	Every  bool   `json:"every,omitempty"`
	Reason string `json:"reason"` // kept as content
	UpTo   uint64 `json:"up_to,omitempty"`
}

// Except makes an exception from an alert: the rule's firings about its group call nobody until a time.
func (k *Keeper) Except(ctx context.Context, by *access.Person, id string, n NewException) (Alert, error) {
	attrs := func(a *Alert) audit.Attrs {
		more := audit.Attrs{audit.TextAttr(attrRule, a.Rule), audit.TextAttr(attrUntil, n.Until.UTC().Format(time.RFC3339Nano))}
		if !n.Every {
			more = append(more, audit.TextAttr(attrGroup, a.group))
		}
		return more
	}
	return k.decide(ctx, by, TypeExcept, id, n.UpTo, n.Reason, attrs, func(a *Alert, now time.Time) error {
		if strings.TrimSpace(n.Reason) == "" {
			return fmt.Errorf("%w: say why; it is kept as content", ErrInvalid)
		}
		x := &Exception{Rule: a.Rule, Group: a.group, Alert: id, UpTo: a.LastSeq, Set: now, Until: n.Until.UTC()}
		if n.Every {
			x.Group = ""
		}
		return k.deps.Book.mayExcept(x)
	})
}

// EndException ends an exception before its time.
func (k *Keeper) EndException(ctx context.Context, by *access.Person, id, reason string) error {
	if err := by.Allow(access.HandleAlerts); err != nil {
		return fmt.Errorf("end exception: %w", err)
	}
	_, err := k.deps.Acts.Decide(ctx, k.deps.Door, func(now time.Time) (intake.Act, error) {
		x, err := k.deps.Book.mayEnd(id, now)
		if err != nil {
			return intake.Act{}, err
		}
		return act(TypeEndException, by, reason, audit.Attrs{audit.TextAttr(attrException, x.ID), audit.TextAttr(attrAlert, x.Alert), audit.TextAttr(attrRule, x.Rule)}), nil
	})
	if err != nil {
		return fmt.Errorf("end exception: %w", err)
	}
	return nil
}

func (k *Keeper) decide(ctx context.Context, by *access.Person, typ, id string, upTo uint64, reason string, more func(*Alert) audit.Attrs, may func(*Alert, time.Time) error) (Alert, error) {
	verb := strings.TrimPrefix(typ, "tripod.alert.")
	if err := by.Allow(access.HandleAlerts); err != nil {
		return Alert{}, fmt.Errorf("%s alert: %w", verb, err)
	}
	a, err := k.get(ctx, id)
	if err != nil {
		return Alert{}, fmt.Errorf("%s alert: %w", verb, err)
	}
	if upTo != 0 {
		a.LastSeq = min(a.LastSeq, upTo) // what came after that, they did not see
	}
	if typ != TypeAcknowledge && a.about(by) {
		return Alert{}, fmt.Errorf("%s alert: %w: it is about you, so somebody else decides", verb, ErrPerson)
	}
	_, err = k.deps.Acts.Decide(ctx, k.deps.Door, func(now time.Time) (intake.Act, error) {
		if err := may(&a, now); err != nil {
			return intake.Act{}, err
		}
		attrs := audit.Attrs{audit.TextAttr(attrAlert, a.ID), {Name: attrUpTo, Value: audit.Int(int64(a.LastSeq))}}
		if more != nil {
			attrs = append(attrs, more(&a)...)
		} else {
			attrs = append(attrs, audit.TextAttr(attrRule, a.Rule))
		}
		return act(typ, by, reason, attrs), nil
	})
	if err != nil {
		return Alert{}, fmt.Errorf("%s alert: %w", verb, err)
	}
	return k.get(ctx, id)
}

// about reports whether an alert names somebody.
func (a *Alert) about(by *access.Person) bool {
	if a.Firing == nil {
		return false
	}
	for _, v := range a.Firing.Group {
		if v != "" && (strings.EqualFold(v, by.Email) || v == by.Subject) {
			return true
		}
	}
	return false
}

func act(typ string, by *access.Person, reason string, attrs audit.Attrs) intake.Act {
	a := intake.Act{Type: typ, Activity: audit.ActivityAdminChange, Account: by.Identity(), Attributes: attrs}
	if reason = strings.TrimSpace(reason); reason != "" {
		a.Pieces = []intake.Piece{{Name: "reason", Class: audit.ClassDetail, Kind: audit.KindString, Value: []byte(reason)}}
	}
	return a
}
