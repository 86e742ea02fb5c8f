package alert

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"time"
)

// told is what channels know of an alert.
type told struct {
	Alert
	event    Event // "" for nothing
	severity Severity
	over     bool
	turn     uint64 // tells one opening, taking or closing from the next
}

// tell compares where alerts stand with what channels were told, and queues the difference. all: also of alerts that were over, since
// somebody decided something.
func (o *Outbox) tell(ctx context.Context, all bool) (changed bool, err error) {
	list, err := o.untold(ctx, all)
	if err != nil || len(list) == 0 {
		return false, err
	}
	var now time.Time
	err = o.deps.Acts.Within(ctx, func(at time.Time) error {
		now = at
		for i := range list {
			a := &list[i]
			o.deps.Book.judge(&a.Alert, at, o.cfg.Quiet)
			a.turn = a.LastSeq
			if h := o.deps.Book.alerts[a.ID]; h != nil && len(h.all) > 0 {
				a.turn = max(a.turn, h.all[len(h.all)-1].Seq)
			}
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	err = o.store.within(ctx, func(tx *sql.Tx) error {
		for i := range list {
			did, err := o.tellOf(ctx, tx, &list[i], now)
			if err != nil {
				return err
			}
			changed = changed || did
		}
		return nil
	})
	return changed, err
}

// untold lists the alerts that channels may have to be told of.
func (o *Outbox) untold(ctx context.Context, all bool) (list []told, err error) {
	where := `WHERE over = 0`
	if all {
		where = ``
	}
	rows, err := o.store.db.QueryContext(ctx, `SELECT id, told, told_severity, over FROM alerts `+where)
	if err != nil {
		return nil, err
	}
	known := make(map[string]told)
	for rows.Next() {
		var t told
		if err := rows.Scan(&t.ID, &t.event, &t.severity, &t.over); err != nil {
			return nil, err
		}
		known[t.ID] = t
	}
	if err := rows.Close(); err != nil {
		return nil, err
	}
	found, err := alerts(ctx, o.store.db, where+` ORDER BY latest, id`)
	for _, a := range found {
		t := known[a.ID]
		t.Alert = a
		list = append(list, t)
	}
	return list, err
}

// tellOf queues what channels are to be told of one alert.
func (o *Outbox) tellOf(ctx context.Context, tx *sql.Tx, a *told, now time.Time) (changed bool, err error) {
	next := *a
	var to []string
	switch over := a.State != Open && a.State != Acknowledged; {
	case over && a.event != "" && a.event != Closed:
		next.event, next.over = Closed, true
		to, err = heard(ctx, tx, a.ID)
	case over:
		next.over = true
	case a.State == Open && (a.event == "" || a.event == Closed):
		if next.over = false; now.Sub(a.Latest) <= MaxLate {
			next.event, next.severity = Opened, a.Severity
			to = o.routes(&a.Alert)
		}
	case a.event != "" && a.Severity.Rank() > a.severity.Rank():
		next.event, next.severity, next.over = Escalated, a.Severity, false
		to = o.routes(&a.Alert)
	case a.State == Acknowledged && a.event != Taken:
		next.event, next.over = Taken, false
		if a.event != "" {
			to, err = heard(ctx, tx, a.ID)
		}
	case a.State == Open && a.event == Taken: // reopened
		next.event, next.over = Opened, false
		to = o.routes(&a.Alert)
	default:
		next.over = false
	}
	if err != nil || next.event == a.event && next.over == a.over && next.severity == a.severity {
		return false, err
	}
	for _, channel := range to {
		if next.event == Taken && !o.states(channel) {
			continue
		}
		if err := queue(ctx, tx, channel, a.ID, next.event, a.turn, false, now); err != nil {
			return false, err
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE alerts SET told = ?, told_severity = ?, over = ? WHERE id = ?`, string(next.event), string(next.severity), next.over, a.ID)
	return true, err
}

// heard lists the channels that were to be told of an alert.
func heard(ctx context.Context, tx *sql.Tx, alert string) (names []string, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT DISTINCT channel FROM messages WHERE alert = ? ORDER BY channel`, alert)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Close()
}

// routes lists the channels an alert goes to.
func (o *Outbox) routes(a *Alert) []string {
	rule, _ := o.deps.Rule(a.Rule)
	return append(o.cfg.route(a.Severity, a.Rule, rule.Sources), o.unnamed()...)
}

// unnamed are the channels that the configuration of alerts does not name.
func (o *Outbox) unnamed() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(o.deps.Channels)) {
		if !slices.ContainsFunc(o.cfg.Channels, func(c ChannelConfig) bool { return c.Name == name }) {
			names = append(names, name)
		}
	}
	return names
}

// states reports whether a channel's receiver keeps a state of its own.
func (o *Outbox) states(channel string) bool {
	c := o.deps.Channels[channel]
	return c != nil && c.Traits().States
}
