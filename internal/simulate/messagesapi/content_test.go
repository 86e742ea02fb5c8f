package messagesapi_test

import (
	"compress/gzip"
	"compress/zlib"
	"crypto/sha256"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/tripod-audit/tripod/internal/simulate/messagesapi"
)

// decoders read what the stand-in encodes.
func decoders(t *testing.T) map[string]func(io.Reader) io.Reader {
	must := func(r io.Reader, err error) io.Reader {
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	return map[string]func(io.Reader) io.Reader{
		"":        func(r io.Reader) io.Reader { return r },
		"gzip":    func(r io.Reader) io.Reader { return must(gzip.NewReader(r)) },
		"deflate": func(r io.Reader) io.Reader { return must(zlib.NewReader(r)) },
		"br":      func(r io.Reader) io.Reader { return brotli.NewReader(r) },
		"zstd":    func(r io.Reader) io.Reader { return must(zstd.NewReader(r)) },
	}
}

// An encoded answer is the plain one, once decoded, whether it streams or not.
func TestEncodings(t *testing.T) {
	t.Parallel()
	f := func(offered []string, accept, want string) {
		t.Run(want+"/"+accept, func(t *testing.T) {
			t.Parallel()
			for _, stream := range []bool{true, false} {
				body := prompt(stream, "[[s:parallel say=x]]")
				plain := ask(t, messagesapi.New(messagesapi.Options{}), "POST", "/v1/messages", body, "Accept-Encoding", accept)
				w := ask(t, messagesapi.New(messagesapi.Options{Encodings: offered}), "POST", "/v1/messages", body, "Accept-Encoding", accept)
				got := w.Header().Get("Content-Encoding")
				text, err := io.ReadAll(decoders(t)[got](w.Body))
				if got != want || err != nil || string(text) != plain.Body.String() {
					t.Errorf("stream %v: encoding %q (want %q), %v, body\n%s", stream, got, want, err, text)
				}
				if got != "" && w.Header().Get("Content-Length") != "" {
					t.Error("the length of what was not sent")
				}
			}
		})
	}
	all := []string{"zstd", "br", "gzip", "deflate"}
	f(all, "gzip, deflate, br, zstd", "zstd")
	f(all, "gzip, deflate, br", "br")
	f(all, "GZIP;q=0.5, zstd;q=0", "gzip")
	f([]string{"deflate"}, "gzip, deflate", "deflate")
	f([]string{"br"}, "gzip", "")
	f(nil, "gzip", "")
}

// Each event can be read before the next is sent, whatever the encoding.
func TestEncodedEventsAreFlushed(t *testing.T) {
	t.Parallel()
	for name, decode := range decoders(t) {
		t.Run("encoding "+name, func(t *testing.T) {
			t.Parallel()
			hold := make(chan struct{})
			opts := messagesapi.Options{
				Encodings: []string{name},
				Choose: func(messagesapi.Exchange) (messagesapi.Turn, bool) {
					return messagesapi.Turn{Text: "x", Pause: time.Hour}, true
				},
			}
			srv := httptest.NewServer(messagesapi.New(opts))
			defer srv.Close()
			defer close(hold)
			r, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL+"/v1/messages", strings.NewReader(prompt(true, "hi")))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-Api-Key", "k")
			r.Header.Set("Anthropic-Version", "2023-06-01")
			r.Header.Set("Accept-Encoding", name)
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			in := decode(resp.Body)
			var got []byte
			for b := make([]byte, 512); !strings.Contains(string(got), "event: ping"); { // the answer itself is an hour away
				n, err := in.Read(b)
				if got = append(got, b[:n]...); err != nil {
					t.Fatalf("%v after %q", err, got)
				}
			}
		})
	}
}

func TestInterleaved(t *testing.T) {
	t.Parallel()
	var order []int
	for _, e := range events(t, ask(t, messagesapi.New(messagesapi.Options{}), "POST", "/v1/messages", prompt(true, "[[s:interleave]]")).Body) {
		if e.Name == "content_block_delta" {
			order = append(order, int(e.Data["index"].(float64)))
		}
	}
	if diff := cmp.Diff([]int{0, 1, 2, 0, 1, 2}, order[:6]); diff != "" {
		t.Errorf("order of the deltas (-want +got):\n%s", diff)
	}
}

func TestOddStream(t *testing.T) {
	t.Parallel()
	body := ask(t, messagesapi.New(messagesapi.Options{}), "POST", "/v1/messages", prompt(true, "[[s:odd]]")).Body.String()
	for _, want := range []string{": keep-alive\n\n", "event: weather\n", "\n\ndata: {\"type\":\"nameless\"}", "hologram_delta", "id: 7\n", "data: \"lines\":2}"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
	if !strings.HasSuffix(body, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n") {
		t.Errorf("ends with %q", body[max(0, len(body)-80):])
	}
}

// A dropped connection is an error for who reads it, and what came before it is whole events.
func TestDrop(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(messagesapi.New(messagesapi.Options{}))
	defer srv.Close()
	for _, stream := range []bool{true, false} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL+"/v1/messages", strings.NewReader(prompt(stream, "[[s:drop]]")))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Api-Key", "k")
		r.Header.Set("Anthropic-Version", "2023-06-01")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err == nil || stream && strings.Count(string(got), "event: ") != 5 || !stream && len(got) == 0 {
			t.Errorf("stream %v: %v after %s", stream, err, got)
		}
	}
}

// Silences are as long as the turn says: before the first byte, and before each event.
func TestTiming(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turn := messagesapi.Turn{Text: "x", Wait: time.Second, Gaps: []time.Duration{0, time.Minute, 10 * time.Millisecond}}
		api := messagesapi.New(messagesapi.Options{Choose: func(messagesapi.Exchange) (messagesapi.Turn, bool) { return turn, true }})
		began := time.Now()
		n := len(events(t, ask(t, api, "POST", "/v1/messages", prompt(true, "hi")).Body))
		if want := time.Second + time.Minute + time.Duration(n-2)*10*time.Millisecond; time.Since(began) != want || n != 7 {
			t.Errorf("%d events took %s, want %s", n, time.Since(began), want)
		}
	})
}

// Who chooses an answer chooses its ids and its usage, and sees what was asked byte by byte.
func TestChoose(t *testing.T) {
	t.Parallel()
	body := prompt(false, "hi")
	var asked messagesapi.Exchange
	api := messagesapi.New(messagesapi.Options{Choose: func(e messagesapi.Exchange) (messagesapi.Turn, bool) {
		asked = e
		return messagesapi.Turn{
			RequestID: "req_chosen", MessageID: "msg_chosen", Calls: []messagesapi.Call{{Tool: "Read", ID: "toolu_chosen"}},
			Usage: &messagesapi.Usage{Input: 1, Output: 2, CacheRead: 3, CacheCreate: 4},
		}, e.Header.Get("X-Client-Request-Id") == "c1"
	}})
	w := ask(t, api, "POST", "/v1/messages", body, "X-Client-Request-Id", "c1")
	got := decode(t, w)
	if w.Header().Get("request-id") != "req_chosen" || got.ID != "msg_chosen" || got.Content[0].ID != "toolu_chosen" || got.StopReason != "tool_use" {
		t.Errorf("answered %s", w.Body)
	}
	for name, want := range map[string]float64{"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 4} {
		if got.Usage[name] != want {
			t.Errorf("%s is %v, want %v", name, got.Usage[name], want)
		}
	}
	if asked.Digest != sha256.Sum256([]byte(body)) || asked.Bytes != int64(len(body)) {
		t.Errorf("asked %+v", asked)
	}
	if got := decode(t, ask(t, api, "POST", "/v1/messages", body)); got.ID == "msg_chosen" {
		t.Error("answered what was not chosen")
	}
}
