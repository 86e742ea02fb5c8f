package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/timeline"
)

// field1 is recorded text of several words at the end of a line.
func field1(s string) string { return plain(shorten(s)) }

// fields are recorded values in a row.
func fields(list []string) string {
	shown := make([]string, len(list))
	for i, s := range list {
		shown[i] = field(s)
	}
	return strings.Join(shown, ", ")
}

func stampUTC(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// tookText is a length of time with as many digits as matter.
func tookText(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// thousands prints a number with its thousands apart.
func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

// countsText is what happened, of each kind how often.
func countsText(c *timeline.Counts) string {
	var parts []string
	for _, part := range []struct {
		n         int
		one, many string
	}{
		{c.Prompts, "prompt", "prompts"}, {c.Requests, "model request", "model requests"}, {c.Tools, "tool use", "tool uses"},
		{c.Replies, "reply", "replies"}, {c.Agents, "sub-agent", "sub-agents"}, {c.Denied, "denied", "denied"}, {c.Failed, "failed", "failed"},
		{c.Verdicts, "verdict of policy", "verdicts of policy"},
	} {
		if part.n > 0 {
			parts = append(parts, plural(int64(part.n), part.one, part.many))
		}
	}
	return strings.Join(parts, ", ")
}

// usageText is what model requests used, by the client's own count; "" for nothing. The cost is the client's estimate.
func usageText(u *timeline.Usage) string {
	var parts []string
	if u.Requests > 0 {
		parts = append(parts, thousands(u.Input+u.CacheRead+u.CacheCreation)+" tokens in", thousands(u.Output)+" out")
		if u.CostMicros > 0 {
			parts = append(parts, fmt.Sprintf("$%.4f", float64(u.CostMicros)/1e6))
		}
	}
	if u.NotCounted > 0 {
		parts = append(parts, plural(int64(u.NotCounted), "request", "requests")+" without a count")
	}
	return strings.Join(parts, ", ")
}

// contentText says that content is held or withheld; the content itself is shown under a case only.
func contentText(c *timeline.Content) string {
	var parts []string
	if held := c.Held(); held.Pieces > 0 {
		parts = append(parts, "content held, "+thousands(held.Bytes)+" bytes")
	}
	if c.Policy.Pieces > 0 {
		parts = append(parts, "content withheld by the capture policy, "+thousands(c.Policy.Bytes)+" bytes")
	}
	if c.Source.Pieces > 0 {
		parts = append(parts, "content withheld by the source")
	}
	return strings.Join(parts, ", ")
}

// gapWords say what was expected and not received.
func gapWords(g *timeline.Gap) string {
	text := "expected, not received: " + plural(g.Count, "event", "events")
	if g.Summed > 0 {
		text += " in " + plural(g.Summed, "gap", "gaps")
	}
	const most = 8
	for i, r := range g.Ranges {
		if i == most {
			text += ", …"
			break
		}
		text += ", " + strconv.FormatInt(r.First, 10)
		if r.Last > r.First {
			text += "–" + strconv.FormatInt(r.Last, 10)
		}
	}
	switch {
	case !g.Start.IsZero() && !g.End.IsZero():
		text += ", between " + stampUTC(g.Start) + " and " + stampUTC(g.End)
	case !g.End.IsZero():
		text += ", before " + stampUTC(g.End)
	}
	if g.Provisional {
		text += " (provisional: they may still come)"
	}
	return text
}

// recordsText names positions as ranges has them.
func recordsText(ranges string) string {
	if strings.ContainsAny(ranges, "–,") {
		return "records " + ranges
	}
	return "record " + ranges
}

// ranges prints positions in ascending order, neighbours together, some ten of them.
func ranges(list []uint64) string {
	list = slices.Clone(list)
	slices.Sort(list)
	list = slices.Compact(list)
	var b strings.Builder
	for i, shown := 0, 0; i < len(list); shown++ {
		last := i
		for last+1 < len(list) && list[last+1] == list[last]+1 {
			last++
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		if shown == 10 {
			fmt.Fprintf(&b, "… %d", list[len(list)-1])
			break
		}
		b.WriteString(strconv.FormatUint(list[i], 10))
		if last > i {
			fmt.Fprintf(&b, "–%d", list[last])
		}
		i = last + 1
	}
	return b.String()
}
