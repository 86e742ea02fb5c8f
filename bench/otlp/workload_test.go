package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
)

var testNow = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

func decode(t *testing.T, e export) plog.Logs {
	t.Helper()
	req := plogotlp.NewExportRequest()
	if err := req.UnmarshalProto(e.body); err != nil {
		t.Fatal(err)
	}
	return req.Logs()
}

// A receiver that checks sequences must find nothing to complain about: each
// session starts at 0, stays on its lane and has neither gaps nor repeats.
func TestWorkloadSequences(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 100, 1000} {
		w, err := newWorkload(7, size, 4000, 4, testNow)
		if err != nil {
			t.Fatal(err)
		}
		next, home, records := map[string]int64{}, map[string]int{}, 0
		for i, exports := range w.lanes {
			for _, e := range exports {
				logs := decode(t, e)
				if logs.LogRecordCount() != size || e.records != size {
					t.Fatalf("export of %d: %d records, says %d", size, logs.LogRecordCount(), e.records)
				}
				for _, rl := range logs.ResourceLogs().All() {
					for _, lr := range rl.ScopeLogs().At(0).LogRecords().All() {
						id, _ := lr.Attributes().Get("session.id")
						seq, _ := lr.Attributes().Get("event.sequence")
						if want := next[id.Str()]; seq.Int() != want {
							t.Fatalf("session %s: sequence %d, want %d", id.Str(), seq.Int(), want)
						}
						if lane, ok := home[id.Str()]; ok && lane != i {
							t.Fatalf("session %s on lanes %d and %d", id.Str(), lane, i)
						}
						if age := testNow.Sub(lr.Timestamp().AsTime()); age < 0 || age > 3*time.Minute {
							t.Fatalf("record is %v old", age)
						}
						next[id.Str()], home[id.Str()] = seq.Int()+1, i
						records++
					}
				}
			}
		}
		if records != w.records || len(next) < 4*sessionsPerLane {
			t.Fatalf("%d records in %d sessions, workload says %d records", records, len(next), w.records)
		}
	}
}

func TestWorkloadIsSeeded(t *testing.T) {
	t.Parallel()
	encode := func(seed uint64) (all []byte) {
		w, err := newWorkload(seed, 100, 800, 2, testNow)
		if err != nil {
			t.Fatal(err)
		}
		for _, exports := range w.lanes {
			for _, e := range exports {
				all = append(all, e.body...)
			}
		}
		return all
	}
	if !bytes.Equal(encode(1), encode(1)) {
		t.Error("equal seeds differ")
	}
	if bytes.Equal(encode(1), encode(2)) {
		t.Error("different seeds give the same")
	}
}

// The disk figures mean something only while records are as large as real
// ones and what should be JSON is.
func TestWorkloadIsRealistic(t *testing.T) {
	t.Parallel()
	w, err := newWorkload(1, 100, 8000, 8, testNow)
	if err != nil {
		t.Fatal(err)
	}
	if w.json < 1600 || w.json > 1800 {
		t.Errorf("a record takes %.0f bytes of JSON, want about 1700", w.json)
	}
	events, commands := map[string]int{}, map[string]int{}
	for _, exports := range w.lanes {
		for _, e := range exports {
			for _, lr := range decode(t, e).ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
				name, _ := lr.Attributes().Get("event.name")
				events[name.Str()]++
				for _, key := range []string{"tool_parameters", "tool_input"} {
					v, ok := lr.Attributes().Get(key)
					if !ok {
						continue
					}
					var fields map[string]string
					if err := json.Unmarshal([]byte(v.Str()), &fields); err != nil {
						t.Fatalf("%s %q: %v", key, v.Str(), err)
					}
					if c := fields["full_command"]; c != "" {
						commands[c]++
					}
				}
			}
		}
	}
	for _, name := range []string{
		"user_prompt", "api_request", "assistant_response", "tool_decision", "tool_result",
		"hook_execution_start", "hook_execution_complete",
	} {
		if events[name] < 200 {
			t.Errorf("%d %s events of 8000", events[name], name)
		}
	}
	for c, n := range commands {
		if n > 2 {
			t.Errorf("command occurs %d times: %s", n, c)
		}
	}
}

func TestCountOTLP(t *testing.T) {
	t.Parallel()
	w, err := newWorkload(3, 100, 400, 2, testNow)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	var m plog.JSONMarshaler
	for _, exports := range w.lanes {
		for _, e := range exports {
			b, err := m.MarshalLogs(decode(t, e))
			if err != nil {
				t.Fatal(err)
			}
			file.Write(append(b, '\n'))
		}
	}
	whole := file.Bytes()
	f := func(name string, text []byte, kept, distinct int, bad bool) {
		t.Helper()
		k, d, err := countOTLP(bytes.NewReader(text))
		if (err != nil) != bad || !bad && (k != kept || d != distinct) {
			t.Errorf("%s: %d kept, %d distinct, %v", name, k, d, err)
		}
	}
	first := bytes.IndexByte(whole, '\n') + 1
	f("whole", whole, 400, 400, false)
	f("an export twice", append(bytes.Clone(whole), whole[:first]...), 500, 400, false)
	f("an export lost", whole[first:], 300, 300, false)
	f("cut", whole[:len(whole)-10], 0, 0, true)
	f("empty", nil, 0, 0, false)
}
