package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/timeline"
	"github.com/tripod-audit/tripod/internal/wording"
)

// sessionText prints a session for people: its head, its turns with what happened in them, its discrepancies. Whatever a
// record holds goes through field or plain.
type sessionText struct {
	w   *bufio.Writer // its first error comes back from Flush
	s   *reading.Session
	t   *timeline.Timeline
	day string // of the last time printed, so that a new one is said
}

func printSession(w io.Writer, s *reading.Session) error {
	entries := make([]timeline.Entry, len(s.Items))
	for i := range s.Items {
		entries[i] = timeline.Entry{Seq: s.Items[i].Seq, Record: s.Items[i].Record}
	}
	p := &sessionText{w: bufio.NewWriter(w), s: s, t: timeline.Build(entries, s.Discrepancies)}
	p.head()
	p.linef("\n  %-12s  %-8s %-26s %-8s %8s  %-20s", "time (UTC)", "what", "tool or model", "outcome", "took", "records")
	for n := range p.t.Turns {
		p.turn(&p.t.Turns[n])
	}
	p.discrepancies()
	return p.w.Flush()
}

// linef prints one line without blanks at its end.
func (p *sessionText) linef(format string, args ...any) {
	_, _ = p.w.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

// head says whose session it is, by which software, when, and what it comes to.
func (p *sessionText) head() {
	t := p.t
	p.linef("session %s", field1(p.s.ID))
	fact := func(name, value string) {
		if value != "" {
			p.linef("  %-11s %s", name, value)
		}
	}
	fact("also", fields(p.s.Also))
	owners, left := t.Owners()
	for i := range owners {
		fact("account", ownerText(&owners[i]))
	}
	if left > 0 {
		fact("", "and more accounts: --json has them all")
	}
	fact("credential", fields(t.Credentials()))
	fact("device", fields(t.Devices()))
	fact("surface", fields(t.Surfaces))
	fact("client", strings.TrimSpace(fields(t.Services)+" "+fields(t.Versions)))
	if len(t.Items) > 0 {
		fact("time", stampUTC(t.Start)+" to "+stampUTC(t.End)+" UTC, "+tookText(t.End.Sub(t.Start)))
	}
	fact("happened", countsText(&t.Counts))
	if used := usageText(&t.Usage); used != "" {
		fact("used", used+fmt.Sprintf(", by %s; %s of the tokens came from its cache", countedBy(&t.Usage), thousands(t.Usage.CacheRead)))
	}
	var told, silent []string
	for _, s := range t.Sources {
		told = append(told, fmt.Sprintf("%s %d", field(string(s.Source)), s.Records))
	}
	for _, s := range t.Silent {
		silent = append(silent, string(s))
	}
	fact("records", strings.Join(told, ", "))
	fact("silent", strings.Join(silent, ", "))
}

// countedBy says whose count the sums are.
func countedBy(u *timeline.Usage) string {
	switch {
	case u.Gateway == 0:
		return "the client's own count"
	case u.Gateway == u.Requests:
		return "the answers' count as the gateway saw it"
	}
	return "the client's own count, " + plural(int64(u.Gateway), "request", "requests") + " by the gateway's"
}

// verdictText says what policy answered, and what came of it.
func verdictText(v *timeline.Verdict) string {
	said := map[bool]string{true: "would " + v.Effect, false: v.Effect}[v.Mode == "observe"]
	if v.Stopped {
		said = "denied"
	}
	text := "rule " + field1(v.Rule) + ": " + field1(said)
	if v.Severity != "" {
		text += ", " + field1(v.Severity)
	}
	if v.Shown != "" {
		text += ", shown: " + field1(v.Shown)
	}
	return text
}

// ownerText says whose session it is as far as it is known.
func ownerText(o *timeline.Owner) string {
	other := ""
	if len(o.Other) > 0 {
		other = "; the credential proves " + fields(o.Other)
	}
	switch {
	case o.Value == "":
		return fields(o.Other) + " (proved by the credential; the client says nothing)"
	case o.Proved == o.Of:
		return field(o.Value) + " (asserted by the client, proved by the credential)"
	case o.Proved > 0:
		return fmt.Sprintf("%s (asserted by the client, proved in %d of %d records%s)", field(o.Value), o.Proved, o.Of, other)
	}
	return field(o.Value) + " (asserted by the client" + cmp.Or(other, ", not proved") + ")"
}

// turn prints one turn: what belongs to no prompt and is of no consequence as one line.
func (p *sessionText) turn(t *timeline.Turn) {
	if t.Gap {
		p.linef("\n~ %s", gapWords(&p.t.Gaps[p.t.Steps[t.First].Gap]))
		return
	}
	p.day = t.Start.Format(time.DateOnly)
	if p.t.Folds(t) {
		var items []int
		for i := t.First; i < t.Last; i++ {
			items = append(items, p.t.Steps[i].Items...)
		}
		p.linef("\noutside any prompt  %s  %s  (%s)", stampUTC(t.Start), field1(p.t.Summary(t)), recordsText(p.seqs(items)))
		return
	}
	title := "outside any prompt"
	if t.Number > 0 {
		title = "prompt " + strconv.Itoa(t.Number)
	}
	happened := t.Counts
	if t.Number > 0 {
		happened.Prompts = 0 // the title says it
	}
	parts := []string{title, stampUTC(t.Start), tookText(t.End.Sub(t.Start)), countsText(&happened), usageText(&t.Usage)}
	if t.Prompt != "" {
		parts = append(parts, "prompt:"+field(t.Prompt))
	}
	if t.Inferred != "" {
		parts = append(parts, "("+t.Inferred+")")
	}
	p.linef("\n%s", strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "  "))
	for i := t.First; i < t.Last; i++ {
		p.step(&p.t.Steps[i])
	}
}

// step prints one thing that happened.
func (p *sessionText) step(s *timeline.Step) {
	at := s.Start.UTC()
	if day := at.Format(time.DateOnly); day != p.day {
		p.day = day
		p.linef("  %s", day)
	}
	indent := strings.Repeat("  ", s.Depth)
	if s.Gap >= 0 {
		p.linef("  %-12s  %s~ %s", at.Format("15:04:05.000"), indent, gapWords(&p.t.Gaps[s.Gap]))
		return
	}
	outcome := string(s.Outcome)
	if s.Outcome == audit.OutcomeUnknown || s.Outcome == audit.OutcomeSuccess && (s.Kind == timeline.KindPrompt || s.Kind == timeline.KindReply) {
		outcome = "" // that something was said is no success
	}
	took := ""
	if d := s.End.Sub(s.Start); d >= time.Millisecond {
		took = tookText(d)
	}
	p.linef("  %-12s  %s%-8s %-26s %-8s %8s  %-20s  %s", at.Format("15:04:05.000"), indent, stepWord(s.Kind), p.stepName(s), field(outcome), took,
		p.seqs(s.Items), strings.Join(stepNotes(s), "; "))
	for _, id := range s.Discrepancies {
		for i := range p.s.Discrepancies {
			if d := &p.s.Discrepancies[i]; d.ID == id {
				p.linef("  %-12s  %s! %s: %s", "", indent, d.Kind, field1(d.Statement))
			}
		}
	}
}

func stepWord(k timeline.Kind) string {
	switch k {
	case timeline.KindAgent:
		return "agent"
	case timeline.KindHook:
		return "hooks"
	}
	return string(k)
}

// stepName is what a step was done with.
func (p *sessionText) stepName(s *timeline.Step) string {
	name := ""
	switch s.Kind {
	case timeline.KindTool:
		name = s.Tool
		if s.MCP != "" && s.Tool != "" {
			name = s.MCP + "/" + s.Tool
		}
		name = cmp.Or(name, s.MCP)
	case timeline.KindRequest:
		name = s.Model
	case timeline.KindAgent:
		name = cmp.Or(s.AgentType, s.Agent)
	case timeline.KindHook:
		name = s.Hook.Name
	case timeline.KindEvent:
		if s.Lead >= 0 {
			return fmt.Sprintf("%-26s", field1(wording.Deed(p.t.Items[s.Lead].Record)))
		}
	}
	return field(name)
}

// stepNotes are what else is known of a step: why it ended badly first.
func stepNotes(s *timeline.Step) []string {
	var notes []string
	add := func(ok bool, note string) {
		if ok && note != "" {
			notes = append(notes, note)
		}
	}
	why := field1(s.Reason)
	if slices.ContainsFunc(s.Verdicts, func(v timeline.Verdict) bool { return v.Stopped }) {
		why = "" // the verdict says it
	}
	if s.Caveat != "" {
		why += " (" + field1(s.Caveat) + ")"
	}
	add(true, strings.TrimSpace(why))
	add(s.Decision != "" && s.Outcome != audit.OutcomeDenied, "decided by "+field1(s.Decision))
	add(s.NoDecision, "who allowed it is not told")
	add(s.NoResult, "how it ended is not told")
	add(s.SpansOnly, "known from spans alone")
	add(s.GatewayOnly, "the gateway saw it, no client has told of it")
	add(s.GatewayMissed, "the gateway did not see it")
	for i := range s.Verdicts {
		add(true, verdictText(&s.Verdicts[i]))
	}
	add(true, usageText(&s.Usage))
	add(true, contentText(&s.Content))
	return notes
}

// discrepancies lists all of them, those shown in place too.
func (p *sessionText) discrepancies() {
	if len(p.s.Discrepancies) == 0 {
		return
	}
	p.linef("\ndiscrepancies")
	for i := range p.s.Discrepancies {
		d := &p.s.Discrepancies[i]
		p.linef("  %s: %s (%s)", d.Kind, field1(d.Statement), stateText(d))
	}
}

// stateText is whether a discrepancy stands and by whose credential it came.
func stateText(d *correlate.Discrepancy) string {
	state := string(d.State)
	if d.Provisional {
		state += ", provisional"
	}
	if d.Credential != "" {
		state += ", by " + field(d.Credential)
	}
	return state
}

// seqs are the positions of items: 15–17, 20.
func (p *sessionText) seqs(items []int) string {
	list := make([]uint64, len(items))
	for i, item := range items {
		list[i] = p.t.Items[item].Seq
	}
	return ranges(list)
}
