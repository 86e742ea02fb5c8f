package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/bench/child"
)

// A mock of the Messages API that answers at once, with what is made beforehand. Events are those of
// https://platform.claude.com/docs/en/build-with-claude/streaming; each but the first three and the last three carries the
// time at which it was sent, in letters, so that no detector takes it for a number of something.
const (
	eventsPerStream = 106
	deltas          = eventsPerStream - 6
	stampMark       = "at:"
	stampLen        = 16
)

// mode is what the mock is told to do, by PUT /bench/mode.
type mode struct {
	Pace    time.Duration `json:"pace"`    // between events
	Witness bool          `json:"witness"` // notes requests, and streams as witnessed says
}

// heard is what the mock noted of a request.
type heard struct {
	SHA256 string      `json:"sha256"`
	Header http.Header `json:"header"`
	URI    string      `json:"uri"`
}

type mock struct {
	buffers sync.Pool
	answer  []byte
	events  [][]byte // with room for stamps

	mu   sync.Mutex
	mode mode  // guarded by mu
	last heard // guarded by mu
}

func newMock() http.Handler {
	m := &mock{answer: jsonAnswer(), events: streamEvents()}
	m.buffers.New = func() any { return new(bytes.Buffer) }
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /bench/mode", m.setMode)
	mux.HandleFunc("GET /bench/last", func(w http.ResponseWriter, _ *http.Request) {
		m.mu.Lock()
		defer m.mu.Unlock()
		_ = json.NewEncoder(w).Encode(m.last)
	})
	mux.HandleFunc("POST /v1/messages", m.messages)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	return mux
}

func (m *mock) setMode(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mode = mode{}
	if err := json.NewDecoder(r.Body).Decode(&m.mode); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

func (m *mock) messages(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	now := m.mode
	m.mu.Unlock()
	b, _ := m.buffers.Get().(*bytes.Buffer)
	defer m.buffers.Put(b)
	b.Reset()
	if _, err := io.Copy(b, r.Body); err != nil {
		return // the client is gone
	}
	if now.Witness {
		sum := sha256.Sum256(b.Bytes())
		m.mu.Lock()
		m.last = heard{SHA256: hex.EncodeToString(sum[:]), Header: r.Header.Clone(), URI: r.RequestURI}
		m.mu.Unlock()
	}
	h := w.Header()
	h.Set("Request-Id", "req_011CSHoEeqs5C35K2UUqR7Fy")
	h.Set("Anthropic-Organization-Id", "6f0b2c1e-51d4-4c35-9a57-0f4c5a1d7be2")
	h.Set("Anthropic-Ratelimit-Requests-Remaining", "3999")
	if !bytes.Contains(b.Bytes()[max(0, b.Len()-200):], []byte(`"stream":true`)) {
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(m.answer)))
		_, _ = w.Write(m.answer)
		return
	}
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	if now.Witness {
		witnessed(w)
		return
	}
	m.stream(w, now.Pace)
}

// stream sends the events, each flushed as the vendor's are.
func (m *mock) stream(w http.ResponseWriter, pace time.Duration) {
	f, _ := w.(http.Flusher)
	var line []byte
	next := time.Now()
	for _, e := range m.events {
		if pace > 0 {
			next = next.Add(pace)
			time.Sleep(time.Until(next))
		}
		line = append(line[:0], e...)
		if i := bytes.Index(line, []byte(stampMark)); i >= 0 {
			stamp(line[i+len(stampMark):], time.Now())
		}
		if _, err := w.Write(line); err != nil {
			return
		}
		f.Flush()
	}
}

// stamp writes a time in letters over the beginning of b.
func stamp(b []byte, t time.Time) {
	n := uint64(t.UnixNano())
	for i := stampLen - 1; i >= 0; i-- {
		b[i] = 'a' + byte(n&15)
		n >>= 4
	}
}

// stamped reads what stamp wrote.
func stamped(b []byte) time.Time {
	var n uint64
	for _, c := range b[:stampLen] {
		n = n<<4 | uint64(c-'a')&15
	}
	return time.Unix(0, int64(n))
}

// witnessPause is how long the mock is silent in the middle of a witnessed stream.
const witnessPause = 150 * time.Millisecond

// witnessed sends a stream that shows what a proxy does with one: an event, silence, a comment and a ping, silence, the
// rest. Spaces, an escape and a field that nobody knows must pass as they are.
func witnessed(w http.ResponseWriter) {
	f, _ := w.(http.Flusher)
	for i, part := range witnessedParts() {
		if i > 0 {
			time.Sleep(witnessPause)
		}
		if _, err := io.WriteString(w, part); err != nil {
			return
		}
		f.Flush()
	}
}

func witnessedParts() [3]string {
	return [3]string{
		"event: message_start\ndata: {\"type\": \"message_start\",  \"message\": {\"id\": \"msg_01XFDUDYJgAACzvnptvVoYEL\", \"type\": \"message\", \"role\": \"assistant\", \"model\": \"claude-opus-5-5\", \"content\": [], \"stop_reason\": null, \"stop_sequence\": null, \"usage\": {\"input_tokens\": 25, \"output_tokens\": 1}, \"tomorrow\": {\"b\":1,\"a\":2}}}\n\n",
		": keep-alive\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\n",
		"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n" +
			"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"gr\\u00fcn \\/ blue\"}}\n\n" +
			"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n" +
			"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":15}}\n\n" +
			"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
	}
}

func jsonAnswer() []byte {
	text := proseOf(2000)
	return fmt.Appendf(nil, `{"id":"msg_01XFDUDYJgAACzvnptvVoYEL","type":"message","role":"assistant","model":"claude-opus-5-5","content":[{"type":"text","text":"%s"}],`+
		`"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":12,"cache_creation_input_tokens":600,"cache_read_input_tokens":14000,"output_tokens":480,"service_tier":"standard"}}`, text)
}

func streamEvents() (events [][]byte) {
	add := func(name, format string, args ...any) {
		events = append(events, fmt.Appendf(nil, "event: "+name+"\ndata: "+format+"\n\n", args...))
	}
	add("message_start", `{"type":"message_start","message":{"id":"msg_01XFDUDYJgAACzvnptvVoYEL","type":"message","role":"assistant","model":"claude-opus-5-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":12,"cache_creation_input_tokens":600,"cache_read_input_tokens":14000,"output_tokens":1,"service_tier":"standard"}}}`)
	add("content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`)
	add("ping", `{"type": "ping"}`)
	words := proseOf(40 * deltas)
	for i := range deltas {
		add("content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%s %s%0*d"}}`, words[i*20:i*20+20], stampMark, stampLen, 0)
	}
	add("content_block_stop", `{"type":"content_block_stop","index":0}`)
	add("message_delta", `{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":480}}`)
	add("message_stop", `{"type":"message_stop"}`)
	return events
}

// upstream is the mock as a process.
type upstream struct {
	*child.Process
	url string
}

func startUpstream(ctx context.Context) (*upstream, error) {
	p, at, err := startSelf(ctx, "upstream")
	return &upstream{p, at}, err
}

// set tells the mock what to do next.
func (u *upstream) set(ctx context.Context, m mode) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, u.url+"/bench/mode", bytes.NewReader(b))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("upstream: %s", res.Status)
	}
	return nil
}

// last is what the mock noted of the last request.
func (u *upstream) last(ctx context.Context) (h heard, err error) {
	body, err := child.Get(ctx, u.url+"/bench/last")
	if err != nil {
		return h, err
	}
	defer body.Close()
	return h, json.NewDecoder(body).Decode(&h)
}
