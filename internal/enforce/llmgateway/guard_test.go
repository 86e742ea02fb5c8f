package llmgateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/recorder"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/policy"
)

// sink takes everything and keeps nothing.
type sink struct{}

func (sink) Submit(context.Context, intake.Delivery) (intake.Receipt, error) {
	return intake.Receipt{}, nil
}
func (sink) Held(_ context.Context, d intake.Delivery) ([]bool, error) {
	return make([]bool, len(d.Drafts)), nil
}
func (sink) Level(*audit.Record, string) audit.Class { return audit.ClassDetail }
func (sink) Record(context.Context, intake.Act, map[string][]byte) (uint64, error) {
	return 0, nil
}
func (sink) Cursor(context.Context, string) ([]byte, error) { return nil, nil }

// always says the same of every tool call.
type always struct {
	*policy.Engine
	effect policy.Effect
	row    policy.OnFailure
}

func (a always) Evaluate(_ context.Context, ev policy.Event) policy.Verdict {
	if ev.Point != policy.PointToolCall {
		return policy.Verdict{Effect: policy.Allow}
	}
	return policy.Verdict{Effect: a.effect, Message: "no", Matches: []policy.Match{{Rule: "r", Effect: a.effect, Mode: policy.Enforce}}}
}
func (a always) Enforces(p policy.Point) bool { return p == policy.PointToolCall }
func (a always) Failures() policy.Failures {
	return policy.Failures{ScanIncomplete: a.row, EngineError: a.row, JournalUnavailable: a.row, DiskFull: a.row, UnknownEncoding: a.row, TooLarge: a.row, Malformed: a.row}
}

// guarding makes guards over streams.
func guarding(t testing.TB) func(effect policy.Effect, row policy.OnFailure, from io.Reader) *guard {
	t.Helper()
	cfg := policy.DefaultConfig()
	cfg.Starter = false
	e, err := policy.New(cfg, policy.Deps{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	stats, err := newStats(nil, func() float64 { return 0 })
	if err != nil {
		t.Fatal(err)
	}
	return func(effect policy.Effect, row policy.OnFailure, from io.Reader) *guard {
		rec, err := recorder.New(recorder.Config{}, recorder.Deps{Door: sink{}, Cursors: sink{}})
		if err != nil {
			t.Fatal(err)
		}
		x := &exchange{g: &Gateway{engine: always{e, effect, row}, stats: stats, clean: newClean()}, enforce: true, header: http.Header{}, rec: rec.Open(recorder.Opening{Route: string(routeMessages)})}
		return newGuard(context.Background(), x, from, func() error { return nil })
	}
}

const toolStream = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}\n\n" +
	"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n" +
	": comment\n\nevent: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"h\\u00e9\"}}\n\n" +
	"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n" +
	"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"Bash\",\"input\":{}}}\n\n" +
	"event: tomorrow\r\ndata: {\"type\":\"tomorrow\"}\r\n\r\n" +
	"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\": 1}\"}}\n\n" +
	"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n" +
	"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{\"output_tokens\":5}}\n\n" +
	"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"

// TestGuardLeavesBytes: what is allowed goes out as it came, however it comes.
func TestGuardLeavesBytes(t *testing.T) {
	t.Parallel()
	open := guarding(t)
	for name, from := range map[string]func() io.Reader{
		"at once":       func() io.Reader { return strings.NewReader(toolStream) },
		"byte for byte": func() io.Reader { return iotest.OneByteReader(strings.NewReader(toolStream)) },
		"half by half":  func() io.Reader { return iotest.HalfReader(strings.NewReader(toolStream)) },
		"data with EOF": func() io.Reader { return iotest.DataErrReader(strings.NewReader(toolStream)) },
	} {
		got, err := io.ReadAll(iotest.OneByteReader(open(policy.Allow, policy.Refuse, from())))
		if err != nil || string(got) != toolStream {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
	// A stream that breaks off: what is whole goes out, a tool call that is not does not, and the end is told as it was.
	for cut := range len(toolStream) {
		got, err := io.ReadAll(open(policy.Allow, policy.Refuse, io.MultiReader(strings.NewReader(toolStream[:cut]), iotest.ErrReader(io.ErrUnexpectedEOF))))
		if err == nil || !strings.HasPrefix(toolStream, string(got)) && !bytes.Contains(got, []byte(": comment")) {
			t.Fatalf("cut at %d: %v\n%s", cut, err, got)
		}
		if strings.Contains(string(got), `"tool_use"`) && !strings.Contains(string(got), `{"type":"content_block_stop","index":1}`) {
			t.Fatalf("cut at %d: a part of a tool call went out\n%s", cut, got)
		}
	}
}

// FuzzGuard: whatever comes, no client is shown a tool call where every one is denied, not even one that reads duplicate names,
// odd line ends or the rest of a stream otherwise than we do.
func FuzzGuard(f *testing.F) {
	f.Add([]byte(toolStream), uint8(7))
	f.Add([]byte(strings.ReplaceAll(toolStream, "\n", "\r\n")), uint8(1))
	f.Add([]byte(strings.ReplaceAll(toolStream, "\n", "\r")), uint8(200))
	f.Add([]byte(strings.ReplaceAll(toolStream, `"type":"tool_use"`, `"type":"text","type":"tool_use"`)), uint8(30))
	f.Add([]byte("data: {\"type\":\"content_block_start\",\ndata: \"content_block\":{\"type\":\"tool_use\"}}"), uint8(3))
	open := guarding(f)
	f.Fuzz(func(t *testing.T, stream []byte, step uint8) {
		got, err := io.ReadAll(open(policy.Deny, policy.Refuse, &steps{stream, int(step) + 1}))
		if err != nil {
			t.Fatal(err)
		}
		for _, data := range lenient(got) {
			var e map[string]any
			if json.Unmarshal(data, &e) != nil || e["type"] != "content_block_start" {
				continue
			}
			if b, _ := e["content_block"].(map[string]any); b["type"] == "tool_use" {
				t.Fatalf("a tool call went out: %s\nof %q", data, stream)
			}
		}
		all, err := io.ReadAll(open(policy.Allow, policy.Forward, &steps{stream, int(step) + 1}))
		if err != nil || len(all) > len(stream) {
			t.Fatalf("allowed: %d bytes of %d, %v", len(all), len(stream), err)
		}
	})
}

// steps gives some bytes at a time.
type steps struct {
	rest []byte
	step int
}

func (s *steps) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.rest[:min(s.step, len(s.rest))])
	s.rest = s.rest[n:]
	return n, nil
}

// lenient finds the data of events as a careless client would: line by line, without waiting for a blank one.
func lenient(stream []byte) (list [][]byte) {
	lines := bufio.NewScanner(bytes.NewReader(bytes.ReplaceAll(stream, []byte("\r"), []byte("\n"))))
	lines.Buffer(nil, 1<<20)
	var data []byte
	for lines.Scan() {
		if d, ok := bytes.CutPrefix(lines.Bytes(), []byte("data:")); ok {
			data = append(data, d...)
			list = append(list, bytes.Clone(d), bytes.Clone(data))
		} else if len(lines.Bytes()) == 0 {
			data = nil
		}
	}
	return list
}
