package timeline_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/timeline"
)

// captured reads the canonical records that the real client's exports become.
func captured(t testing.TB, name string) []timeline.Entry {
	t.Helper()
	b, err := os.ReadFile("../collect/otlp/testdata/golden/" + name + ".jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var list []timeline.Entry
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		r, err := audit.Decode(lines.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		r.Recorded = r.Occurred
		for i := range r.Content { // as the door would leave them
			if c := &r.Content[i]; c.Withheld == "" {
				c.Address = fmt.Sprintf("%s %d", c.Name, c.Bytes)
			}
		}
		list = append(list, timeline.Entry{Seq: uint64(len(list) + 1), Record: r})
	}
	return list
}

// sketch writes a timeline down for people and golden files.
func sketch(t *timeline.Timeline) string {
	var b strings.Builder
	fmt.Fprintf(&b, "session %s, %d records, %+v\n", t.End.Sub(t.Start).Round(time.Millisecond), len(t.Items), t.Counts)
	fmt.Fprintf(&b, "usage %+v\ncontent %+v\n", t.Usage, t.Content)
	for _, s := range t.Sources {
		fmt.Fprintf(&b, "source %s: %d records; prompts %d, requests %d, tools %d, replies %d, others %d\n", s.Source, s.Records, s.Prompts,
			s.Requests, s.Tools, s.Replies, s.Others)
	}
	for _, p := range t.Processes {
		fmt.Fprintf(&b, "process %s %s: %d records, %d to %d\n", p.Service, p.Version, p.Records, p.First, p.Last)
	}
	for _, turn := range t.Turns {
		fmt.Fprintf(&b, "turn %d prompt=%.8s records=%d usage=%d/%d", turn.Number, turn.Prompt, turn.Records, turn.Usage.Input, turn.Usage.Output)
		if turn.Inferred != "" {
			fmt.Fprintf(&b, " (%s)", turn.Inferred)
		}
		if turn.Gap {
			b.WriteString(" gap")
		}
		b.WriteByte('\n')
		for _, s := range t.Steps[turn.First:turn.Last] {
			writeStep(&b, t, &s)
		}
	}
	return b.String()
}

func writeStep(b *strings.Builder, t *timeline.Timeline, s *timeline.Step) {
	fmt.Fprintf(b, "%s%s", strings.Repeat("  ", s.Depth+1), s.Kind)
	if s.Group > 0 {
		fmt.Fprintf(b, " [side by side %d]", s.Group)
	}
	for _, word := range []string{s.MCP, s.Tool, s.Model, s.AgentType, s.Agent} {
		if word != "" {
			fmt.Fprintf(b, " %s", word)
		}
	}
	fmt.Fprintf(b, " %s %s", s.Outcome, s.End.Sub(s.Start).Round(time.Millisecond))
	if s.Reason != "" {
		fmt.Fprintf(b, " because %q", s.Reason)
	}
	if s.Caveat != "" {
		fmt.Fprintf(b, " (%s)", s.Caveat)
	}
	if s.Hook.Name != "" {
		fmt.Fprintf(b, " %s %d of %d", s.Hook.Name, s.Hook.Block, s.Hook.Ran)
	}
	if s.RefusedBy >= 0 {
		fmt.Fprintf(b, " refused-by %d", t.Items[s.RefusedBy].Seq)
	}
	if s.Refused >= 0 {
		fmt.Fprintf(b, " refused %d", t.Items[s.Refused].Seq)
	}
	if s.Decision != "" {
		fmt.Fprintf(b, " decided by %s", s.Decision)
	}
	for word, is := range map[string]bool{"no-decision": s.NoDecision, "no-result": s.NoResult, "spans-only": s.SpansOnly} {
		if is {
			fmt.Fprintf(b, " %s", word)
		}
	}
	if len(s.Discrepancies) > 0 {
		fmt.Fprintf(b, " discrepancies=%v", s.Discrepancies)
	}
	for _, i := range s.Items {
		if r := t.Items[i].Record; s.Kind == timeline.KindEvent || len(s.Items) > 1 {
			fmt.Fprintf(b, " %s", r.Type)
		}
	}
	b.WriteByte('\n')
}
