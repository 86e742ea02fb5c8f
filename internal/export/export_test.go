package export

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/reading/readingtest"
	"github.com/tripod-audit/tripod/internal/search"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// records carry a hostile string each, in every field that a table or a line shows.
func records(values ...string) (list []*audit.Record) {
	for n, v := range values {
		at := noon.Add(time.Duration(n) * time.Second)
		r := &audit.Record{
			Version: audit.SchemaVersion, ID: fmt.Sprint(n), Normaliser: "test/1", Source: audit.Source(v), Surface: audit.Surface(v),
			Activity: audit.Activity(v), Type: v, Outcome: audit.Outcome(v), Occurred: at, Recorded: at, Tool: v, MCP: v, Model: v, IP: v,
			Keys: audit.Keys{Session: v, Prompt: v, Request: v, ToolUse: v}, Flags: []string{v},
		}
		if len(v) > 64<<10 { // a record of 16 MiB has no room for so much everywhere
			r.Source, r.Surface, r.Activity, r.Outcome, r.Flags = "test", "test", "test", "test", nil
			r.Keys = audit.Keys{Session: v}
		}
		id := audit.Identity{Email: v, Device: v, Org: v, Credential: v}
		r.Account = audit.Account{Asserted: id, Proved: id}
		list = append(list, r)
	}
	return list
}

func options(t *testing.T, query string, form Form) Options {
	t.Helper()
	q, err := search.Parse(query, noon)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Query: q, Form: form, Oldest: true}
}

// TestHostileRecords: whatever was recorded, an export holds one inert line a record.
func TestHostileRecords(t *testing.T) {
	t.Parallel()
	values := hostile()
	r := readingtest.Build(t, records(values...)...).Reader()
	var table, objects bytes.Buffer
	if _, err := Run(t.Context(), r, &table, options(t, "", CSV)); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), r, &objects, options(t, "", NDJSON)); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&table).ReadAll()
	if err != nil || len(rows) != len(values)+1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if cell != defuse(cell) && cell[0] != '\'' || strings.ContainsFunc(cell, acts) {
				t.Errorf("a cell acts: %.80q", cell)
			}
		}
	}
	lines := strings.Split(strings.TrimSuffix(objects.String(), "\n"), "\n")
	if len(lines) != len(values) {
		t.Errorf("%d lines for %d records", len(lines), len(values))
	}
	for n, line := range lines {
		var got struct{ Type string }
		if err := json.Unmarshal([]byte(line), &got); err != nil || got.Type != string([]rune(values[n])) {
			t.Errorf("line %d: %.80q, %v", n, got.Type, err)
		}
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	var values []string
	for n := range 25 {
		values = append(values, fmt.Sprintf("type-%02d", n))
	}
	w := readingtest.Build(t, records(values...)...)
	w.Harm(t, "UPDATE frames SET frame = x'00' WHERE first = 3")
	r := w.Reader()
	f := func(o Options, records int, complete bool, unreadable int, first string) {
		t.Helper()
		var out bytes.Buffer
		res, err := Run(t.Context(), r, &out, o)
		if err != nil {
			t.Fatal(err)
		}
		side, err := NewSidecar(t.Context(), r, o, res, "v-test")
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(out.Bytes())
		if side.SHA256 != hex.EncodeToString(sum[:]) || side.Records != records || side.Complete != complete || side.Unreadable != unreadable ||
			side.LedgerSize != 25 || side.SearchedTo != 25 || side.JournalEnd != 25 || !side.SourcesExact || side.Query != o.Query.String() || side.Version != "v-test" || side.Limit != o.Limit || len(side.Sources) == 0 || len(side.NeverSeen) == 0 {
			t.Errorf("sidecar %+v", side)
		}
		if !strings.Contains(out.String(), first) || strings.Count(out.String(), "\n") != records {
			t.Errorf("export %.200s", out.String())
		}
	}
	f(options(t, "", NDJSON), 24, false, 1, "type-00")
	f(options(t, "-type:type-02", NDJSON), 24, true, 0, "type-24")
	o := options(t, "", NDJSON)
	o.Limit, o.Oldest = 5, false
	f(o, 5, false, 0, "type-24")
	f(options(t, "type:nothing", NDJSON), 0, true, 0, "")
}

// errWriter fails after so many bytes.
type errWriter struct{ left int }

var errFull = errors.New("no room")

func (w *errWriter) Write(b []byte) (int, error) {
	if w.left -= len(b); w.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestRunErrors(t *testing.T) {
	t.Parallel()
	w := readingtest.Build(t, records("a", "b", strings.Repeat("c", 200<<10))...)
	if _, err := Run(t.Context(), w.Reader(), &errWriter{100}, options(t, "", CSV)); !errors.Is(err, errFull) {
		t.Errorf("error = %v", err)
	}
	if err := w.Index.Close(); err != nil {
		t.Fatal(err)
	}
	var view *reading.ViewError
	if _, err := Run(t.Context(), w.Reader(), io.Discard, options(t, "", CSV)); !errors.As(err, &view) {
		t.Errorf("error = %v", err)
	}
}
