package messagesapi

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// chunk is how many bytes of a text or of a tool's input one delta carries, where a turn does not say.
const chunk = 24

// stream writes a reply as server-sent events, flushing each, as the API does.
func (a *API) stream(w http.ResponseWriter, r *http.Request, c *call, rep *reply, turn Turn) {
	a.head(w, c)
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	out := a.encoded(w, r)
	defer out.Close()
	w.WriteHeader(http.StatusOK)
	s := &events{w: out, r: r, turn: &turn}

	start := *rep
	start.Content, start.StopReason, start.Usage.OutputTokens = []any{}, nil, 1
	s.send("message_start", map[string]any{"message": start})
	s.send("ping", nil)
	s.pause(turn.Pause, a.opts.PingEvery)
	if turn.Cut && len(rep.parts) > 0 {
		s.blocks(rep.parts[:1])
		s.send("error", map[string]any{"error": map[string]string{"type": "overloaded_error", "message": "Overloaded"}})
		return
	}
	if turn.Interleave {
		s.interleaved(rep.parts)
	} else {
		s.blocks(rep.parts)
	}
	s.send("message_delta", map[string]any{
		"delta": map[string]any{"stop_reason": rep.StopReason, "stop_sequence": nil}, "usage": rep.Usage,
	})
	s.send("message_stop", nil)
}

// flusher is a body that can be sent as far as it is written.
type flusher interface {
	io.Writer
	Flush() error
}

// events writes one stream. After the first failed write the rest is dropped: the client went away.
type events struct {
	w    flusher
	r    *http.Request
	turn *Turn
	n    int // events sent
	err  error
}

func (s *events) send(kind string, data map[string]any) {
	if s.err != nil {
		return
	}
	if gaps := s.turn.Gaps; len(gaps) > 0 && !pause(s.r, gaps[min(s.n, len(gaps)-1)]) {
		s.err = s.r.Context().Err()
		return
	}
	if s.turn.Before != nil {
		s.turn.Before(s.r.Context(), s.n)
	}
	if data == nil {
		data = map[string]any{}
	}
	data["type"] = kind
	b, err := json.Marshal(data)
	if err != nil {
		s.err = fmt.Errorf("encode %s event: %w", kind, err)
		return
	}
	between := ""
	if n := len(s.turn.Between); n > 0 && kind != "message_stop" {
		between = s.turn.Between[s.n%n]
	}
	s.n++
	if _, s.err = fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n%s", kind, b, between); s.err == nil {
		s.err = s.w.Flush()
	}
	if s.turn.Drop > 0 && s.n >= s.turn.Drop {
		panic(http.ErrAbortHandler) // the way net/http breaks a connection
	}
}

func (s *events) start(i int, p part) {
	s.send("content_block_start", map[string]any{"index": i, "content_block": p.start})
}

func (s *events) delta(i int, d map[string]any) {
	s.send("content_block_delta", map[string]any{"index": i, "delta": d})
}

func (s *events) stop(i int) { s.send("content_block_stop", map[string]any{"index": i}) }

// blocks writes each block: its start, its deltas, its stop.
func (s *events) blocks(parts []part) {
	for i, p := range parts {
		s.start(i, p)
		for _, d := range p.deltas {
			s.delta(i, d)
		}
		s.stop(i)
	}
}

// interleaved writes all starts, then deltas by turns, and each stop when its block is whole.
func (s *events) interleaved(parts []part) {
	for i, p := range parts {
		s.start(i, p)
	}
	open := len(parts)
	for n := 0; open > 0; n++ {
		for i, p := range parts {
			switch {
			case n < len(p.deltas):
				s.delta(i, p.deltas[n])
			case n == len(p.deltas):
				s.stop(i)
				open--
			}
		}
	}
}

// pause fills a silence with pings.
func (s *events) pause(d, every time.Duration) {
	for ; d > 0 && s.err == nil; d -= every {
		if !pause(s.r, min(d, every)) {
			s.err = s.r.Context().Err()
			return
		}
		s.send("ping", nil)
	}
}
