package messages_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
)

type event struct {
	Name, Data, Raw string
	TooLong, NoData bool
}

// split writes the stream in the given pieces and checks that no byte was lost.
func split(t testing.TB, s *messages.Splitter, pieces ...[]byte) []event {
	t.Helper()
	var got []event
	var raw bytes.Buffer
	for _, p := range pieces {
		s.Write(p, func(e messages.Event) {
			raw.Write(e.Raw)
			got = append(got, event{e.Name, string(e.Data), string(e.Raw), e.TooLong, e.Data == nil})
		})
	}
	raw.Write(s.Rest())
	if want := bytes.Join(pieces, nil); !bytes.Equal(raw.Bytes(), want) {
		t.Fatalf("the events' bytes are not the stream's:\n%q\n%q", raw.Bytes(), want)
	}
	return got
}

func TestSplit(t *testing.T) {
	t.Parallel()
	f := func(stream string, want ...event) {
		t.Helper()
		whole := split(t, new(messages.Splitter), []byte(stream))
		if diff := cmp.Diff(want, whole); diff != "" {
			t.Errorf("%q: %s", stream, diff)
		}
		for cut := range len(stream) {
			if got := split(t, new(messages.Splitter), []byte(stream[:cut]), []byte(stream[cut:])); !cmp.Equal(got, whole) {
				t.Fatalf("%q cut at %d: %s", stream, cut, cmp.Diff(whole, got))
			}
		}
		var bytewise [][]byte
		for i := range len(stream) {
			bytewise = append(bytewise, []byte{stream[i]})
		}
		if got := split(t, new(messages.Splitter), bytewise...); !cmp.Equal(got, whole) {
			t.Fatalf("%q byte by byte: %s", stream, cmp.Diff(whole, got))
		}
	}
	f("")
	f("data: never ended\n")
	f("event: ping\ndata: {}\n\n", event{"ping", "{}", "event: ping\ndata: {}\n\n", false, false})
	f("data:a\ndata: b\ndata\n\n", event{"", "a\nb\n", "data:a\ndata: b\ndata\n\n", false, false})
	f(": hold on\n\n", event{"", "", ": hold on\n", false, true}, event{"", "", "\n", false, true})
	f("data: a\n: in between\nid: 7\n\n", event{"", "a", "data: a\n: in between\nid: 7\n\n", false, false})
	f("event: a\r\ndata: b\r\n\r\nevent: c\rdata: d\r\r", event{"a", "b", "event: a\r\ndata: b\r\n\r", false, false}, event{"c", "d", "\nevent: c\rdata: d\r\r", false, false})
	f("\xef\xbb\xbfdata: a\n\n", event{"", "a", "\xef\xbb\xbfdata: a\n\n", false, false})
	f("event: nothing\n\n", event{"nothing", "", "event: nothing\n\n", false, true})
	f("data: {\"a\":\"\\n\"}\n\ndata: 2\n\n", event{"", `{"a":"\n"}`, "data: {\"a\":\"\\n\"}\n\n", false, false}, event{"", "2", "data: 2\n\n", false, false})
}

func TestSplitLargeEvent(t *testing.T) {
	t.Parallel()
	data := strings.Repeat("x", 1<<20)
	stream := []byte("data: " + data + "\n\ndata: y\n\n")
	var pieces [][]byte
	for p := stream; len(p) > 0; {
		n := min(len(p), 4096)
		pieces, p = append(pieces, p[:n]), p[n:]
	}
	got := split(t, new(messages.Splitter), pieces...)
	if len(got) != 2 || got[0].Data != data || got[1].Data != "y" {
		t.Errorf("%d events", len(got))
	}
	got = split(t, &messages.Splitter{Max: 100_000}, pieces...)
	if last := got[len(got)-1]; len(got) < 3 || !got[0].TooLong || got[0].Data != "" || last.Data != "y" || last.TooLong {
		t.Errorf("%d events, the first %v, the last %v", len(got), got[0].TooLong, last)
	}
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte("event: a\r\ndata: b\r\n\r\n: c\n\ndata: d\r\r"), uint8(3), uint8(0))
	f.Add([]byte("\xef\xbb\xbfdata: aaaaaaaaaaaaaaaaaaaaaa\ndata: b\n\n\n"), uint8(5), uint8(8))
	f.Fuzz(func(t *testing.T, stream []byte, step, bound uint8) {
		whole := split(t, &messages.Splitter{}, stream)
		n := max(int(step), 1)
		var pieces [][]byte
		for p := stream; len(p) > 0; p = p[min(n, len(p)):] {
			pieces = append(pieces, p[:min(n, len(p))])
		}
		if got := split(t, &messages.Splitter{}, pieces...); !cmp.Equal(whole, got) {
			t.Fatal(cmp.Diff(whole, got))
		}
		split(t, &messages.Splitter{Max: int(bound)}, pieces...) // no byte is lost, whatever the bound
	})
}

// sse makes a stream of data lines.
func sse(data ...string) string {
	var b strings.Builder
	for _, d := range data {
		fmt.Fprintf(&b, "data: %s\n\n", d)
	}
	return b.String()
}
