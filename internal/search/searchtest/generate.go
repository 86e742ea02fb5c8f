package searchtest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/search"
)

// Entry makes an entry of a record.
func Entry(seq uint64, r *audit.Record) search.Entry {
	return search.Entry{Seq: seq, Bytes: r.AppendCanonical(nil)}
}

// Entries makes consecutive entries of records.
func Entries(first uint64, records ...*audit.Record) []search.Entry {
	page := make([]search.Entry, len(records))
	for i, r := range records {
		page[i] = Entry(first+uint64(i), r)
	}
	return page
}

// EraseOrder is the record that orders the erasure of another.
func EraseOrder(at time.Time, seq uint64) *audit.Record {
	return &audit.Record{
		Version: audit.SchemaVersion, Normaliser: "tripod/1", Source: audit.SourceTripod, Surface: audit.SurfaceTripod,
		Activity: audit.ActivityErasure, Type: audit.TypeEraseRecord, Outcome: audit.OutcomeSuccess, Occurred: at, Recorded: at,
		Attributes: audit.Attrs{{Name: "position", Value: audit.Int(int64(seq))}, {Name: "commitment", Value: audit.String(audit.Commitment{}.String())}},
	}
}

// Words from which random records and random queries are made: few, so that they meet.
var (
	users    = []string{"dana@example.com", "lee@example.com", "user_01AbC", "7b1c", "idp|7", "Dana", "ci-bot", "Ünal@example.com"}
	tools    = []string{"Bash", "Read", "mcp__lab__query", "bash-2", "Edit"}
	types    = []string{"tool_result", "api_request", "user_prompt", "claude_code.tool_result", "new kind, of \"event\""}
	models   = []string{"claude-opus-5-5", "claude-sonnet-5"}
	sources  = []audit.Source{audit.SourceOTelLog, audit.SourceHookClient, audit.SourceComplianceActivity, "from.the.future"}
	surfaces = []audit.Surface{audit.SurfaceClaudeCode, audit.SurfaceCowork, "hologram"}
	ips      = []string{"192.0.2.7", "192.0.2.70", "2001:db8::1"}
	flags    = []string{audit.FlagTruncated, audit.FlagUnknownType, audit.FlagIdentityMismatch}
)

func some(r *rand.Rand, list []string, chance float64) string {
	if r.Float64() >= chance {
		return ""
	}
	return list[r.IntN(len(list))]
}

func id(r *rand.Rand, kind string, n int) string {
	if r.IntN(3) == 0 {
		return ""
	}
	return fmt.Sprintf("%s-%d", kind, r.IntN(n))
}

// RandomRecord makes a record that occurred within a span from a time on; few instants are shared by many records.
func RandomRecord(r *rand.Rand, from time.Time, span time.Duration) *audit.Record {
	at := from.Add(time.Duration(r.Int64N(int64(span))))
	if r.IntN(4) == 0 {
		at = at.Truncate(time.Hour)
	}
	rec := &audit.Record{
		Version: audit.SchemaVersion, ID: fmt.Sprint(r.Uint64()), Normaliser: "test/1", Source: sources[r.IntN(len(sources))],
		Surface: surfaces[r.IntN(len(surfaces))], Activity: audit.Activities()[r.IntN(5)], Type: types[r.IntN(len(types))],
		Outcome:  []audit.Outcome{audit.OutcomeSuccess, audit.OutcomeFailure, audit.OutcomeDenied, audit.OutcomeUnknown}[r.IntN(4)],
		Occurred: at, Recorded: at.Add(time.Duration(r.IntN(1000)) * time.Millisecond),
		Tool: some(r, tools, 0.5), Model: some(r, models, 0.5), MCP: some(r, []string{"lab"}, 0.1), Rule: some(r, []string{"r1", "r2"}, 0.1),
		Case: some(r, []string{"C-1"}, 0.05), IP: some(r, ips, 0.7),
		Keys: audit.Keys{
			Session: id(r, "s", 8), Prompt: id(r, "p", 30), Request: id(r, "req", 300), ClientRequest: id(r, "req", 300), ToolUse: id(r, "t", 300),
			Chat: id(r, "c", 5), Agent: id(r, "a", 5), ParentAgent: id(r, "a", 5), Trace: id(r, "s", 8),
		},
		Attributes: audit.Attrs{{Name: "duration_ms", Value: audit.Int(12)}, {Name: "decision_source", Value: audit.String(`a "quoted" [one], {really}`)}},
	}
	rec.Account.Asserted = audit.Identity{Email: some(r, users[:2], 0.5), User: some(r, users[2:4], 0.3), OSUser: some(r, users[4:], 0.3), Device: some(r, []string{"d1", "d2"}, 0.5), Org: some(r, []string{"org-1", "org-2"}, 0.8)}
	rec.Account.Proved = audit.Identity{Email: some(r, users[:2], 0.2), Credential: some(r, []string{"laptops", "servers"}, 0.8), Key: some(r, []string{"apikey_1"}, 0.2)}
	if f := some(r, flags, 0.2); f != "" {
		rec.Flag(f)
	}
	if r.IntN(50) == 0 {
		rec.Recorded, rec.Occurred = rec.Occurred, time.Unix(r.Int64N(1<<32), 0)
		rec.Flag([]string{audit.FlagClockAbsurd, audit.FlagNoTime}[r.IntN(2)])
	}
	return rec
}

// RandomQuery makes a query from the same words, about the same stretch of time.
func RandomQuery(r *rand.Rand, from time.Time, span time.Duration) string {
	var terms []string
	for range r.IntN(4) {
		terms = append(terms, randomTerm(r))
	}
	instant := func() string {
		at := from.Add(time.Duration(r.Int64N(int64(span)))).UTC()
		return at.Format([]string{"2006-01-02", "2006-01-02T15", "2006-01-02T15:04:05.000", time.RFC3339, "2006-01"}[r.IntN(5)])
	}
	switch r.IntN(6) {
	case 0:
		terms = append(terms, "after:"+instant())
	case 1:
		terms = append(terms, "before:"+instant())
	case 2:
		terms = append(terms, "at:"+instant()+","+instant())
	case 3:
		terms = append(terms, "-at:"+instant())
	}
	r.Shuffle(len(terms), func(i, j int) { terms[i], terms[j] = terms[j], terms[i] })
	return strings.Join(terms, " ")
}

func randomTerm(r *rand.Rand) string {
	activities := []string{"sign_in", "sign_out", "prompt", "response", "model_request"}
	fields := []struct {
		name   string
		values []string
	}{
		{"user", users}, {"tool", tools}, {"type", types}, {"model", models}, {"ip", ips}, {"flag", flags}, {"device", []string{"d1", "D2", "d3"}},
		{"key", []string{"laptops", "apikey_1"}}, {"org", []string{"org-1"}}, {"source", []string{"otel.log", "from.the.future", "nobody"}},
		{"surface", []string{"hologram", "cowork"}}, {"outcome", []string{"success", "denied"}}, {"activity", activities}, {"mcp", []string{"lab"}},
		{"rule", []string{"r1"}}, {"case", []string{"c-1"}},
		{"session", []string{"s-1", "s-2", "s-3"}}, {"prompt", []string{"p-1", "p-2"}}, {"request", []string{"req-1", "req-2", "req-3"}},
		{"tool_use", []string{"t-5"}}, {"chat", []string{"c-1"}}, {"agent", []string{"a-1", "a-2"}}, {"trace", []string{"s-1"}},
		{"", append([]string{"s-1", "req-7", "dana@EXAMPLE.com", "laptops"}, tools...)},
	}
	f := fields[r.IntN(len(fields))]
	var values []string
	for range 1 + r.IntN(2) {
		v := f.values[r.IntN(len(f.values))]
		field, _ := search.FieldByName(f.name)
		switch {
		case r.IntN(6) == 0 && f.name != "":
			v = "*"
		case r.IntN(4) == 0 && !field.IsKey() && f.name != "":
			v = search.Quote(v[:1+r.IntN(len(v)-1)]) + "*"
			if strings.ContainsRune(v, '\ufffd') || !strings.Contains(v, "*") {
				v = "*"
			}
		default:
			v = search.Quote(v)
		}
		values = append(values, strings.ToValidUTF8(v, ""))
	}
	term := strings.Join(values, ",")
	if f.name != "" {
		term = f.name + ":" + term
	}
	if r.IntN(3) == 0 {
		term = "-" + term
	}
	return term
}
