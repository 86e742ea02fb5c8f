package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/export"
	"github.com/tripod-audit/tripod/internal/organisation"
	"github.com/tripod-audit/tripod/internal/wording"
)

type organisationCommand struct {
	Summary  organisationSummary  `cmd:"" default:"withargs" help:"What drifts, which keys there are, who calls the Compliance API, how many accounts."`
	Settings organisationSettings `cmd:"" help:"List the settings, those that drift from the baseline first."`
	Keys     organisationKeys     `cmd:"" help:"List the keys with their age and last use."`
	Callers  organisationCallers  `cmd:"" help:"List who calls the Compliance API."`
	Accounts organisationAccounts `cmd:"" help:"List accounts, leavers too."`
	Account  organisationAccount  `cmd:"" help:"Show one account: how it was known, and what happened to it."`
}

type organisationFlags struct {
	dataFlag
	JSON bool `help:"Print JSON: one object a line in lists, else one object."`
}

// with opens the view, and tells how far behind it is once f has printed.
func (c *organisationFlags) with(ctx context.Context, std streams, f func(organisation.Reader) error) (err error) {
	r, err := app.OpenReading(ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	view, err := r.Organisation(ctx)
	if err != nil {
		return err
	}
	if err := f(view); err != nil {
		return err
	}
	at, err := view.Position(ctx)
	if err != nil {
		return err
	}
	last, err := r.Last(ctx)
	if err != nil {
		return err
	}
	if !tellBehind(std, "the organisation", at, last) && std.terminal {
		fmt.Fprintf(std.err, "up to record %d; what nobody told leaves no trace\n", at)
	}
	return nil
}

// printList prints each of a list as a line for people or one JSON object.
func printList[T any](std streams, asJSON bool, list []T, line func(*T) string) error {
	for i := range list {
		var err error
		if asJSON {
			err = printJSON(std.out, &list[i])
		} else {
			_, err = fmt.Fprintln(std.out, strings.TrimRight(line(&list[i]), " "))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type organisationSummary struct{ organisationFlags }

func (c *organisationSummary) Run(ctx context.Context, std streams) error {
	return c.with(ctx, std, func(view organisation.Reader) error {
		settings, err := view.Settings(ctx)
		if err != nil {
			return err
		}
		keys, err := view.Keys(ctx)
		if err != nil {
			return err
		}
		callers, err := view.Callers(ctx)
		if err != nil {
			return err
		}
		accounts, err := view.Accounts(ctx, organisation.Filter{Limit: 1})
		if err != nil {
			return err
		}
		drift := []organisation.Setting{}
		for _, s := range settings {
			if s.Drift {
				drift = append(drift, s)
			}
		}
		if c.JSON {
			return printJSON(std.out, struct {
				Settings int                    `json:"settings"`
				Read     bool                   `json:"settings_read"`
				Drift    []organisation.Setting `json:"drift"`
				Keys     []organisation.Key     `json:"keys"`
				Callers  []organisation.Caller  `json:"callers"`
				Accounts map[string]int         `json:"accounts"`
			}{len(settings), organisation.Swept(settings), drift, keys, callers, accounts.Count})
		}
		fmt.Fprintf(std.out, "settings  %s known, %s\n", thousands(int64(len(settings))), judgement(settings, len(drift)))
		if err := printList(std, false, drift, settingLine(several(settings))); err != nil {
			return err
		}
		fmt.Fprintf(std.out, "\nkeys  %s known\n", thousands(int64(len(keys))))
		if err := printList(std, false, keys, keyLine); err != nil {
			return err
		}
		fmt.Fprintf(std.out, "\ncallers of the Compliance API  %d\n", len(callers))
		if err := printList(std, false, callers, callerLine); err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.out, "\naccounts  %s, %d left, %d invited, %d known only by what they did\n", plural(int64(accounts.Count[organisation.StateMember]), "member", "members"),
			accounts.Count[organisation.StateLeft], accounts.Count[organisation.StateInvited], accounts.Count[organisation.StateSeen])
		return err
	})
}

type organisationSettings struct {
	organisationFlags
	Drift   bool   `help:"Only those that drift from the baseline."`
	History bool   `help:"What changed, the latest first, in place of what stands."`
	Name    string `arg:"" optional:"" help:"Only this setting, by the vendor's name."`
	Limit   int    `help:"Print at most so many changes, 0 for all." default:"100" placeholder:"N"`
}

func (c *organisationSettings) Run(ctx context.Context, std streams) error {
	if c.Limit < 0 {
		return usage{errors.New("organisation settings: --limit is 0, which is all, or more")}
	}
	return c.with(ctx, std, func(view organisation.Reader) error {
		all, err := view.Settings(ctx)
		if err != nil {
			return err
		}
		if err := c.named(all); err != nil {
			return err
		}
		if c.History {
			changes, err := view.SettingHistory(ctx, c.Name, c.Limit)
			if err != nil {
				return err
			}
			if len(changes) == 0 && !c.JSON {
				fmt.Fprintln(std.out, "0 changes: none is on record")
			}
			return printList(std, c.JSON, changes, changeLine)
		}
		var list []organisation.Setting
		for _, s := range all {
			if (c.Name == "" || s.Name == c.Name) && (!c.Drift || s.Drift) {
				list = append(list, s)
			}
		}
		if len(list) == 0 && !c.JSON {
			fmt.Fprintln(std.out, "0 settings:", judgement(all, 0))
		}
		return printList(std, c.JSON, list, settingLine(several(all)))
	})
}

// named fails for a name by which no setting is known.
func (c *organisationSettings) named(all []organisation.Setting) error {
	if c.Name == "" || slices.ContainsFunc(all, func(s organisation.Setting) bool { return s.Name == c.Name }) {
		return nil
	}
	near := ""
	for _, s := range all {
		if strings.Contains(s.Name, strings.ToLower(c.Name)) && !strings.Contains(near+" ", " "+s.Name+" ") && len(near) < 200 {
			near += " " + s.Name
		}
	}
	if near != "" {
		return wanting{fmt.Errorf("no setting is known by the name %q; those with it in theirs:%s", c.Name, plain(near))}
	}
	return wanting{fmt.Errorf("no setting is known by the name %q: tripod organisation settings lists those that are", c.Name)}
}

// judgement says how many settings drift, or that nothing was held against the baseline.
func judgement(all []organisation.Setting, drift int) string {
	if !organisation.Swept(all) {
		return "not judged: the settings are not read"
	}
	return fmt.Sprintf("%d away from the baseline", drift)
}

// several reports whether settings are of more than one organisation.
func several(all []organisation.Setting) bool {
	return slices.ContainsFunc(all, func(s organisation.Setting) bool { return s.Org != all[0].Org })
}

// settingLine makes lines of settings, with their organisation where there is more than one.
func settingLine(whose bool) func(*organisation.Setting) string {
	return func(s *organisation.Setting) string {
		mark, since, value := " ", "since", "in the content of the record"
		if s.Drift {
			mark = "!"
		}
		if s.Found {
			since = "seen since"
		}
		if s.Told {
			value = wording.SettingValue(s.Value)
		}
		parts := []string{fmt.Sprintf("%s %-52s %-24s %s %s", mark, field(s.Name), field(value), since, export.Stamp(s.Since))}
		if whose && s.Org != "" {
			parts = append(parts, "organisation:"+field(s.Org))
		}
		if s.GoneAt != nil {
			parts = append(parts, "no longer shown since "+export.Stamp(*s.GoneAt))
		}
		parts = append(parts, verdict(s)...)
		if s.By != "" && s.ByAt != nil && !s.ByAt.Equal(s.Since) {
			parts = append(parts, "changed:"+export.Stamp(*s.ByAt)+" by:"+field(s.By))
		} else if s.By != "" {
			parts = append(parts, "by:"+field(s.By))
		}
		if !s.Snapshot {
			parts = append(parts, "(as the feed last said; not judged)")
		}
		return strings.Join(append(parts, fmt.Sprintf("record:%d", s.Seq)), "  ")
	}
}

// verdict says what the baseline expects of a setting that drifts, by which rule and why.
func verdict(s *organisation.Setting) (parts []string) {
	if !s.Drift {
		return nil
	}
	for _, p := range []struct{ name, value string }{
		{"expected", s.Expected}, {"rule", s.Baseline}, {"severity", s.Severity}, {"reason", s.Reason},
	} {
		if p.value == "" {
			continue
		}
		if p.name == "expected" {
			p.value = wording.SettingValue(p.value)
		}
		parts = append(parts, p.name+":"+field(p.value))
	}
	return parts
}

// changeLine is a change of a setting as one line.
func changeLine(c *organisation.SettingChange) string {
	value := "in the content of the record"
	if c.Told {
		value = wording.SettingValue(c.Value)
	}
	parts := []string{fmt.Sprintf("%s  %-52s %-10s", export.Stamp(c.At), field(c.Name), field(c.Change))}
	if c.Previous != "" {
		parts = append(parts, "from:"+field(wording.SettingValue(c.Previous)))
	}
	parts = append(parts, "to:"+field(value))
	if c.Drift {
		parts = append(parts, "! drift")
	} else if c.Change == "judged" {
		parts = append(parts, "no drift")
	}
	if c.By != "" {
		parts = append(parts, "by:"+field(c.By))
	}
	return strings.Join(append(parts, fmt.Sprintf("record:%d", c.Seq)), "  ")
}

type organisationKeys struct{ organisationFlags }

func (c *organisationKeys) Run(ctx context.Context, std streams) error {
	return c.with(ctx, std, func(view organisation.Reader) error {
		keys, err := view.Keys(ctx)
		if err != nil {
			return err
		}
		return printList(std, c.JSON, keys, keyLine)
	})
}

// keyLine is a key as one line.
func keyLine(k *organisation.Key) string {
	kind := k.Kind
	if kind == "" {
		kind = "unknown"
	}
	parts := []string{fmt.Sprintf("  %-34s %-9s", field(k.ID), field(kind))}
	add := func(name string, at *time.Time, by string) {
		if at == nil {
			return
		}
		s := name + export.Stamp(*at)
		if by != "" {
			s += " by " + field(by)
		}
		parts = append(parts, s)
	}
	add("created:", k.Created, k.By)
	if k.Created == nil {
		parts = append(parts, "created before records begin")
	}
	add("ended:", k.Ended, k.EndedBy)
	add("expires:", k.Expires, "")
	if k.Off {
		parts = append(parts, "switched off")
	}
	add("used:", k.Used, "")
	if k.Scopes != "" {
		parts = append(parts, "scopes:"+field(k.Scopes))
	}
	if s := whose(k.Own, k.Pending); s != "" {
		parts = append(parts, s)
	}
	return strings.Join(parts, "  ")
}

type organisationCallers struct{ organisationFlags }

func (c *organisationCallers) Run(ctx context.Context, std streams) error {
	return c.with(ctx, std, func(view organisation.Reader) error {
		callers, err := view.Callers(ctx)
		if err != nil {
			return err
		}
		return printList(std, c.JSON, callers, callerLine)
	})
}

// callerLine is who calls the Compliance API as one line.
func callerLine(c *organisation.Caller) string {
	s := fmt.Sprintf("  %-38s %s: %s read, %s deleted, %s refused, from %s; %s to %s", field(c.ID), plural(c.Calls, "call", "calls"), thousands(c.Reads), thousands(c.Deletes),
		thousands(c.Refused), plural(int64(c.Addresses), "address", "addresses"), export.Stamp(c.First), export.Stamp(c.Last))
	if own := whose(c.Own, c.Pending); own != "" {
		s += "  " + own
	}
	return s
}

// whose marks a key or caller that is Tripod's own, or may be: it tells of its calls every few minutes.
func whose(own, pending bool) string {
	switch {
	case own:
		return "(Tripod's own)"
	case pending:
		return "(whether Tripod's own: not known yet)"
	}
	return ""
}
