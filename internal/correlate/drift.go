package correlate

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Bounds of what is kept to say who changed a setting.
const (
	actKept    = 48 * time.Hour // journal time between a change in the feed and the snapshot that shows it
	actSlack   = time.Minute    // between the clocks of feed and snapshot
	snapshotIn = 24 * time.Hour // within which a change happened that the first snapshot shows
)

// drifts finds settings in force that the baseline does not expect (KindSettingsDrift): from the snapshot that shows it to the
// first that shows it otherwise, one discrepancy for each stretch. A setting that is not shown any more ends none: nobody can
// tell what it is now. Who changed it is told where the feed names one act, of that
// organisation, on that setting, between the snapshot before and this one: the last of them. What changed and was changed
// back between two snapshots is not seen here.
type drifts struct {
	touched map[string]bool
}

const driftSchema = `
CREATE TABLE drifts (
	id TEXT PRIMARY KEY, credential TEXT NOT NULL, org TEXT NOT NULL, setting TEXT NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
	since INTEGER NOT NULL, opened INTEGER NOT NULL, seen INTEGER NOT NULL, recorded INTEGER NOT NULL, began TEXT NOT NULL, value TEXT NOT NULL, expected TEXT NOT NULL,
	rule TEXT NOT NULL, reason TEXT NOT NULL, severity TEXT NOT NULL, judged INTEGER NOT NULL, closed INTEGER NOT NULL, hidden INTEGER NOT NULL, act INTEGER NOT NULL, account TEXT NOT NULL, erased INTEGER NOT NULL);
CREATE INDEX drifts_setting ON drifts (org, setting, closed);
CREATE INDEX drifts_act ON drifts (act) WHERE act > 0;

CREATE TABLE setting_acts (
	seq INTEGER NOT NULL, org TEXT NOT NULL, setting TEXT NOT NULL, at INTEGER NOT NULL, recorded INTEGER NOT NULL, value TEXT NOT NULL, account TEXT NOT NULL,
	PRIMARY KEY (seq, setting)) WITHOUT ROWID;
CREATE INDEX setting_acts_setting ON setting_acts (org, setting, at);
CREATE INDEX setting_acts_recorded ON setting_acts (recorded);
`

func (x *drifts) drop() { x.touched = nil }

func (x *drifts) touch(id string) {
	if x.touched == nil {
		x.touched = map[string]bool{}
	}
	x.touched[id] = true
}

func (x *drifts) observe(ctx context.Context, tx *transaction, r *audit.Record, seq uint64) (err error) {
	switch {
	case r.Source == audit.SourceComplianceSettings && r.Type == "settings.value":
		err = x.snapshot(ctx, tx, r, seq)
	case r.Source == audit.SourceComplianceActivity && r.Activity == audit.ActivitySettingChange:
		err = x.act(ctx, tx, r, seq)
	}
	if err != nil {
		return fmt.Errorf("drifts: %w", err)
	}
	return nil
}

// snapshot opens, goes on with or closes a drift. hidden is since when the setting is not shown, 0 where it is.
func (x *drifts) snapshot(ctx context.Context, tx *transaction, r *audit.Record, seq uint64) error {
	org, setting, credential := told(r, "organization_uuid"), told(r, "setting"), r.Account.Proved.Credential
	if setting == "" {
		return nil
	}
	var id string
	open, err := tx.Row(ctx, `SELECT id FROM drifts WHERE org = ? AND setting = ? AND credential = ? AND closed = 0`, []any{org, setting, credential}, &id)
	if err != nil {
		return err
	}
	drift := told(r, "drift") == "true"
	at := r.Occurred.UnixMicro()
	switch {
	case open && told(r, "change") == "removed":
		x.touch(id)
		return tx.Exec(ctx, `UPDATE drifts SET last_seq = ?, hidden = ? WHERE id = ?`, int64(seq), at, id)
	case drift && open:
		x.touch(id)
		return tx.Exec(ctx, `UPDATE drifts SET last_seq = ?, seen = max(seen, ?), hidden = 0, value = ?, expected = ?, rule = ?, reason = ?, severity = ? WHERE id = ?`,
			int64(seq), at, told(r, "value"), told(r, "expected"), told(r, "baseline"), told(r, "reason"), told(r, "severity"), id)
	case open:
		x.touch(id)
		return tx.Exec(ctx, `UPDATE drifts SET last_seq = ?, seen = max(seen, ?), hidden = 0, closed = ? WHERE id = ?`, int64(seq), at, r.Recorded.UnixMicro(), id)
	case !drift:
		return nil
	}
	since, judged := int64(0), told(r, "change") == "judged" // then nobody changed it, but the baseline
	if t, err := time.Parse(time.RFC3339, told(r, "last_sweep")); err == nil {
		since = t.UnixMicro()
	}
	if judged {
		since = at
	}
	id = discrepancyID(KindSettingsDrift, credential, org, setting, strconv.FormatUint(seq, 10))
	err = tx.Exec(ctx, `INSERT INTO drifts VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,0,0,0,'',0)`, id, credential, org, setting, int64(seq), int64(seq), since, at, at,
		r.Recorded.UnixMicro(), told(r, "value"), told(r, "value"), told(r, "expected"), told(r, "baseline"), told(r, "reason"), told(r, "severity"), judged)
	if err != nil {
		return err
	}
	return x.blame(ctx, tx, id)
}

// act notes a change of settings that the feed shows. It may come before the snapshot that shows the change or after it.
func (x *drifts) act(ctx context.Context, tx *transaction, r *audit.Record, seq uint64) error {
	account, err := json.Marshal(accountOf(&r.Account.Proved))
	if err != nil {
		return err
	}
	org, recorded := r.Account.Proved.Org, r.Recorded.UnixMicro()
	for _, s := range settingsChanged(r) {
		err := tx.Exec(ctx, `INSERT INTO setting_acts VALUES (?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`, int64(seq), org, s.name, r.Occurred.UnixMicro(), recorded, s.value, string(account))
		if err != nil {
			return err
		}
		var late []string
		err = tx.Rows(ctx, `SELECT id FROM drifts WHERE org = ? AND setting = ? AND recorded >= ?`, []any{org, s.name, recorded - actKept.Microseconds()},
			func(scan func(...any) error) error {
				var id string
				err := scan(&id)
				late = append(late, id)
				return err
			})
		if err != nil {
			return err
		}
		for _, id := range late {
			if err := x.blame(ctx, tx, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// blame finds the act that a drift began with, among those known so far.
func (x *drifts) blame(ctx context.Context, tx *transaction, id string) error {
	x.touch(id)
	var act int64
	var account string
	found, err := tx.Row(ctx, `SELECT a.seq, a.account FROM drifts d JOIN setting_acts a ON a.org = d.org AND a.setting = d.setting
		WHERE d.id = ?1 AND d.judged = 0 AND a.at BETWEEN iif(d.since = 0, d.opened - ?4, d.since) - ?2 AND d.opened + ?2 AND a.recorded BETWEEN d.recorded - ?3 AND d.recorded + ?3
		AND (a.value = '' OR d.began = '' OR a.value = d.began) ORDER BY a.at DESC, a.seq DESC LIMIT 1`,
		[]any{id, actSlack.Microseconds(), actKept.Microseconds(), snapshotIn.Microseconds()}, &act, &account)
	if err != nil || !found {
		return err
	}
	return tx.Exec(ctx, `UPDATE drifts SET act = ?, account = ?, erased = 0 WHERE id = ?`, act, account, id)
}

func (x *drifts) erase(ctx context.Context, tx *transaction, seq uint64) error {
	if err := tx.Exec(ctx, `DELETE FROM setting_acts WHERE seq = ?`, int64(seq)); err != nil {
		return err
	}
	return tx.Exec(ctx, `UPDATE drifts SET account = '', erased = 1 WHERE act = ?`, int64(seq))
}

func (x *drifts) flush(ctx context.Context, tx *transaction) error {
	for id := range x.touched {
		d, err := readDrift(ctx, tx, id)
		if err != nil {
			return fmt.Errorf("drifts: %w", err)
		}
		if err := tx.put(ctx, d, d.To.UnixMicro(), 0); err != nil {
			return fmt.Errorf("drifts: %w", err)
		}
	}
	clear(x.touched)
	return tx.Exec(ctx, `DELETE FROM setting_acts WHERE recorded < ?`, tx.clock-actKept.Microseconds())
}

// readDrift makes the discrepancy of a drift.
func readDrift(ctx context.Context, tx *transaction, id string) (*Discrepancy, error) {
	d := &Discrepancy{ID: id, Kind: KindSettingsDrift, State: StateOpen, Count: 1}
	var first, last, since, seen, recorded, closed, hidden, act int64
	var account string
	_, err := tx.Row(ctx, `SELECT credential, org, setting, first_seq, last_seq, since, seen, recorded, value, expected, rule, reason, severity, closed, hidden, act, account, erased
		FROM drifts WHERE id = ?`, []any{id}, &d.Credential, &d.Details.Organization, &d.Details.Setting, &first, &last, &since, &seen, &recorded, &d.Details.Value,
		&d.Details.Expected, &d.Details.Rule, &d.Details.Reason, &d.Severity, &closed, &hidden, &act, &account, &d.AccountErased)
	if err != nil {
		return nil, err
	}
	d.FirstSeq, d.LastSeq, d.Recorded = uint64(first), uint64(last), microTime(recorded)
	d.From, d.To = microTime(since), microTime(seen)
	if d.Severity != SeverityLow && d.Severity != SeverityHigh {
		d.Severity = SeverityMedium
	}
	if d.Details.Act = uint64(act); account != "" {
		d.Details.Proved, d.accountSeq = &Account{}, d.Details.Act
		if err := json.Unmarshal([]byte(account), d.Details.Proved); err != nil {
			return nil, err
		}
	}
	verb, end := "is", ""
	switch {
	case hidden > 0:
		verb, end = "was", "; it is no longer shown since "+microTime(hidden).Format(time.RFC3339)+", which does not say that it is otherwise now"
	case closed > 0:
		d.State, d.Count = StateClosed, 0
		verb, end = "was", "; the baseline finds nothing to object to in it any more"
	}
	value := switched(d.Details.Value)
	if value == "" {
		value = "not as expected"
	}
	rule := d.Details.Rule
	if d.Details.Reason != "" {
		rule += ": " + d.Details.Reason
	}
	d.Statement = fmt.Sprintf("The setting %s of organisation %s %s %s where the baseline expects %s (rule %s)%s",
		d.Details.Setting, d.Details.Organization, verb, value, switched(d.Details.Expected), rule, end)
	return d, nil
}

// told is an attribute as text, whatever kind carries it.
func told(r *audit.Record, name string) string {
	v, _ := r.Attributes.Get(name)
	return v.Text()
}

// switched words the position of a switch.
func switched(value string) string {
	switch value {
	case "true":
		return "on"
	case "false":
		return "off"
	}
	return value
}
