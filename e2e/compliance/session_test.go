package compliance

import (
	"context"
	"encoding/json"
	"log/slog"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/timeline"
)

// bothPlanes is a data directory with a week of an enterprise as its clients and as the vendor tell it.
func bothPlanes(t *testing.T) string {
	t.Helper()
	c := config.Default()
	dir, free := t.TempDir(), "127.0.0.1:0"
	c.Override(config.Overrides{Data: &dir, ListenConsole: &free, ListenOTLPHTTP: &free, ListenOTLPGRPC: &free, ListenGateway: &free})
	c.Capture = capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}}
	begin := time.Now()
	err := app.Demo(t.Context(), app.DemoOptions{Config: c, Logger: slog.New(slog.DiscardHandler), Seed: 1, For: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("both planes of a week after %v", time.Since(begin))
	return dir
}

func read(t *testing.T, r *app.Reading, id string) (*reading.Session, *timeline.Timeline) {
	t.Helper()
	s, err := r.Session(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	entries := make([]timeline.Entry, len(s.Items))
	for i := range s.Items {
		entries[i] = timeline.Entry{Seq: s.Items[i].Seq, Record: s.Items[i].Record}
	}
	return s, timeline.Build(entries, nil)
}

// clients are the sessions of a surface that clients told of, with the number of their tool uses.
func clients(t *testing.T, r *app.Reading, surface string) map[string]int {
	t.Helper()
	q, err := search.Parse("source:otel.log activity:tool_result surface:"+surface, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	sessions := map[string]int{}
	for page := (search.Page{Limit: 500}); ; {
		found, err := r.Find(t.Context(), q, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range found.Items {
			sessions[i.Record.Keys.Session]++
		}
		if page.Cursor = found.Next; found.Next == "" {
			return sessions
		}
	}
}

// TestSessionOfBothPlanes: a session is one under the client's id and the vendor's: each tool use and each prompt once,
// with the records of both, and nothing counted twice.
func TestSessionOfBothPlanes(t *testing.T) {
	slow(t)
	dir, tripod := bothPlanes(t), build(t)
	r, err := app.OpenReading(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, surface := range []string{"cowork", "claude_code"} {
		joined, unjoined, uses, both := 0, 0, 0, 0
		for id, tools := range clients(t, r, surface) {
			if tools < 3 {
				continue
			}
			s, all := read(t, r, id)
			if len(s.Also) == 0 {
				unjoined++
				continue // what the vendor does not capture: other sign-ins, and before recording was on
			}
			joined++
			_, alone := own(t, s, id)
			if all.Counts.Tools < alone.Counts.Tools || all.Usage != alone.Usage {
				t.Errorf("%s: %+v with the transcript, %+v without: %+v %+v", id, all.Counts, alone.Counts, all.Usage, alone.Usage)
			}
			lost := len(s.Discrepancies) > 0 // the vendor may know what the client's lost batches would have told
			if !lost && (all.Counts.Prompts != alone.Counts.Prompts || all.Counts.Replies > max(alone.Counts.Replies, alone.Counts.Requests)) {
				t.Errorf("%s: %+v with the transcript, %+v without", id, all.Counts, alone.Counts)
			}
			u, b := witnesses(all)
			uses, both = uses+u, both+b
			other, _ := read(t, r, s.Also[0])
			if !slices.Contains(other.Also, id) || len(other.Items) != len(s.Items) {
				t.Errorf("%s has %d records, %s has %d and is joined with %v", id, len(s.Items), s.Also[0], len(other.Items), other.Also)
			}
			if joined == 1 {
				shown(t, tripod, dir, s)
			}
			for i := range other.Items {
				if other.Items[i].Seq != s.Items[i].Seq {
					t.Fatalf("%s and %s differ in order", id, s.Also[0])
				}
			}
		}
		t.Logf("%s: %d sessions of both planes, %d of clients alone, %d tool uses, %d of them with both witnesses", surface, joined, unjoined, uses, both)
		if joined < 3 || both*10 < uses*9 {
			t.Errorf("%s: the test shows little", surface)
		}
	}
	gatewayJoins(t, r)
}

// own is a session by the records of one of its ids.
func own(t *testing.T, s *reading.Session, id string) (n int, alone *timeline.Timeline) {
	t.Helper()
	var entries []timeline.Entry
	for i := range s.Items {
		if s.Items[i].Record.Keys.Session == id {
			entries = append(entries, timeline.Entry{Seq: s.Items[i].Seq, Record: s.Items[i].Record})
		}
	}
	return len(entries), timeline.Build(entries, nil)
}

// witnesses counts the tool uses of a session, and those that client and vendor both tell of in one step.
func witnesses(all *timeline.Timeline) (uses, both int) {
	for _, s := range all.Steps {
		if s.Kind != timeline.KindTool {
			continue
		}
		var client, vendor bool
		for _, i := range s.Items {
			src := all.Items[i].Record.Source
			client = client || strings.HasPrefix(string(src), "otel.")
			vendor = vendor || src == audit.SourceComplianceSession
		}
		uses++
		if client && vendor {
			both++
		}
	}
	return uses, both
}

func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tripod")
	if out, err := exec.Command("go", "build", "-o", path, "github.com/tripod-audit/tripod/cmd/tripod").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

// shown: the command line shows a session of two ids as one, whichever of them it is given, to people and to programs.
func shown(t *testing.T, tripod, dir string, s *reading.Session) {
	t.Helper()
	run := func(args ...string) []byte {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), tripod, append([]string{"session", "--data", dir}, args...)...).Output()
		if err != nil {
			t.Fatalf("tripod session %v: %v", args, err)
		}
		return out
	}
	body := func(text []byte) string { // but for the two ids at its head
		lines := strings.SplitN(string(text), "\n", 3)
		if len(lines) < 3 {
			t.Fatalf("tripod session printed %q", text)
		}
		return lines[2]
	}
	own, other := run(s.ID), run(s.Also[0])
	if diff := cmp.Diff(body(own), body(other)); diff != "" {
		t.Errorf("by its two ids (-%s +%s):\n%s", s.ID, s.Also[0], diff)
	}
	for _, want := range []string{"session " + s.ID, "also        " + s.Also[0], "otel.log", "compliance.session"} {
		if !strings.Contains(string(own), want) {
			t.Errorf("%q is not in\n%.1000s", want, own)
		}
	}
	var printed struct {
		Session string   `json:"session"`
		Also    []string `json:"also"`
		Records []struct {
			Seq uint64 `json:"seq"`
		} `json:"records"`
	}
	if err := json.Unmarshal(run("--json", s.Also[0]), &printed); err != nil {
		t.Fatal(err)
	}
	if printed.Session != s.Also[0] || !slices.Contains(printed.Also, s.ID) || len(printed.Records) != len(s.Items) {
		t.Errorf("--json: %s, also %v, %d records of %d", printed.Session, printed.Also, len(printed.Records), len(s.Items))
	}
	for i := range printed.Records {
		if printed.Records[i].Seq != s.Items[i].Seq {
			t.Fatalf("--json: record %d is %d, want %d", i, printed.Records[i].Seq, s.Items[i].Seq)
		}
	}
}
