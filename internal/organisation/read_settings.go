package organisation

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Setting is one setting of an organisation as it stands, as far as records tell.
type Setting struct {
	Org   string `json:"organization,omitempty"`
	Name  string `json:"setting"`
	Value string `json:"value"`
	// Told is false where the record does not have the value: longer and free texts are content.
	Told bool `json:"told"`
	// Snapshot: the value in force, as a sweep of the settings found it; else what the activity feed last said.
	Snapshot bool      `json:"snapshot"`
	Since    time.Time `json:"since"`           // the value was first told then
	Found    bool      `json:"found,omitempty"` // it was found then, and may have stood long before
	// Gone: no longer shown since GoneAt, as record GoneSeq says: administrators cannot control it now. What it was, with its
	// drift, stands as it was last shown.
	Gone    bool       `json:"gone,omitempty"`
	GoneAt  *time.Time `json:"gone_since,omitempty"`
	GoneSeq uint64     `json:"gone_record,omitempty"`
	// Judged: the baseline speaks of it. Only what a sweep found is judged: of what the feed alone tells nothing is known.
	Judged   bool   `json:"judged"`
	Drift    bool   `json:"drift"` // the baseline expects something else
	Expected string `json:"expected,omitempty"`
	Baseline string `json:"baseline,omitempty"` // rule of the baseline
	Severity string `json:"severity,omitempty"` // of the rule
	Reason   string `json:"reason,omitempty"`   // of the rule
	Seq      uint64 `json:"record"`
	// By is who changed it last, by the feed, where that change left the value that stands. When and which record says so.
	By       string     `json:"by,omitempty"`
	ByAt     *time.Time `json:"by_at,omitempty"`
	ByRecord uint64     `json:"by_record,omitempty"`
}

// Settings lists the settings: those that drift first, then by organisation and name. Of a setting that both a sweep and
// the feed tell, the sweep's word stands.
func (v *View) Settings(ctx context.Context) ([]Setting, error) {
	list, err := rows(ctx, v, "settings", `SELECT org, name, snapshot, value, told, gone, gone_seq, since, found, judged, expected, drift, baseline, severity, reason, by, at, seq
		FROM settings`, nil,
		func(scan func(...any) error) (Setting, error) {
			var s Setting
			var gone, since, at int64
			err := scan(&s.Org, &s.Name, &s.Snapshot, &s.Value, &s.Told, &gone, &s.GoneSeq, &since, &s.Found, &s.Judged, &s.Expected, &s.Drift, &s.Baseline, &s.Severity, &s.Reason,
				&s.By, &at, &s.Seq)
			if gone != 0 {
				hidden := microTime(gone)
				s.Gone, s.GoneAt = true, &hidden
			}
			s.Since = microTime(since)
			if !s.Snapshot {
				said := microTime(at)
				s.ByAt, s.ByRecord = &said, s.Seq
			}
			return s, err
		})
	if err != nil {
		return nil, err
	}
	list = join(list)
	slices.SortFunc(list, func(a, b Setting) int {
		return cmp.Or(order2(b.Drift, a.Drift), order2(a.Gone, b.Gone), cmp.Compare(a.Org, b.Org), cmp.Compare(a.Name, b.Name))
	})
	return list, nil
}

func order2(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// sweepDelay is how long after a change in the feed the next sweep may see it.
const sweepDelay = time.Hour

// join puts what the feed says beside what the sweep found.
func join(list []Setting) []Setting {
	type key struct{ org, name string }
	fed := make(map[key]Setting)
	for _, s := range list {
		if !s.Snapshot {
			fed[key{s.Org, s.Name}] = s
		}
	}
	var out []Setting
	for _, s := range list {
		if !s.Snapshot {
			continue
		}
		k := key{s.Org, s.Name}
		f, ok := fed[k]
		if delete(fed, k); ok && (!f.Told || !s.Told || f.Value == s.Value) && !f.ByAt.After(s.Since.Add(sweepDelay)) {
			s.By, s.ByAt, s.ByRecord = f.By, f.ByAt, f.ByRecord
		}
		out = append(out, s)
	}
	for _, s := range list {
		if _, only := fed[key{s.Org, s.Name}]; only && !s.Snapshot {
			out = append(out, s)
		}
	}
	return out
}

// Swept reports whether a sweep of the settings is among what is known: else the settings are not read, and nothing was judged.
func Swept(list []Setting) bool {
	return slices.ContainsFunc(list, func(s Setting) bool { return s.Snapshot })
}

// SettingChange is one change of a setting, as one record tells it.
type SettingChange struct {
	Seq      uint64    `json:"record"`
	At       time.Time `json:"at"`
	Org      string    `json:"organization,omitempty"`
	Name     string    `json:"setting"`
	Snapshot bool      `json:"snapshot"` // found by a sweep; else told by the feed
	Change   string    `json:"change"`   // "first_seen", "changed", "removed", "returned", "judged"
	Previous string    `json:"previous,omitempty"`
	Value    string    `json:"value"`
	Told     bool      `json:"told"`
	Drift    bool      `json:"drift"`
	Type     string    `json:"type"`
	By       string    `json:"by,omitempty"`
}

// SettingHistory lists changes of one setting, or of all for "", the latest first; what a first sweep found and what the
// baseline judged anew is no change, and left out where all are asked for. limit 0 is all.
func (v *View) SettingHistory(ctx context.Context, name string, limit int) ([]SettingChange, error) {
	return rows(ctx, v, "history of settings", `SELECT seq, at, org, name, snapshot, change, previous, value, told, drift, type, by FROM setting_log
		WHERE name = ?1 OR (?1 = '' AND change NOT IN ('first_seen', 'judged')) ORDER BY at DESC, seq DESC, n LIMIT iif(?2 > 0, ?2, -1)`, []any{name, limit},
		func(scan func(...any) error) (SettingChange, error) {
			var c SettingChange
			var at int64
			err := scan(&c.Seq, &at, &c.Org, &c.Name, &c.Snapshot, &c.Change, &c.Previous, &c.Value, &c.Told, &c.Drift, &c.Type, &c.By)
			c.At = microTime(at)
			return c, err
		})
}
