package messagesapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// chunk is how many bytes of a text or of a tool's input one delta carries.
const chunk = 24

// stream writes a reply as server-sent events, flushing each, as the API does.
func (a *API) stream(w http.ResponseWriter, r *http.Request, c *call, rep *reply, turn Turn) {
	a.head(w, c)
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusOK)
	s := &events{w: w, flush: http.NewResponseController(w)}

	start := *rep
	start.Content, start.StopReason, start.Usage.OutputTokens = []replyBlock{}, nil, 1
	s.send("message_start", map[string]any{"message": start})
	s.send("ping", nil)
	if !s.pause(r, turn.Pause, a.opts.PingEvery) {
		return
	}
	for i, b := range rep.Content {
		s.block(i, b)
		if turn.Cut {
			s.send("error", map[string]any{"error": map[string]string{"type": "overloaded_error", "message": "Overloaded"}})
			return
		}
	}
	s.send("message_delta", map[string]any{
		"delta": map[string]any{"stop_reason": rep.StopReason, "stop_sequence": nil}, "usage": rep.Usage,
	})
	s.send("message_stop", nil)
}

// events writes one stream. After the first failed write the rest is dropped: the client went away.
type events struct {
	w     http.ResponseWriter
	flush *http.ResponseController
	err   error
}

func (s *events) send(kind string, data map[string]any) {
	if s.err != nil {
		return
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
	if _, s.err = fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", kind, b); s.err == nil {
		s.err = s.flush.Flush()
	}
}

// block writes one content block: its start, its deltas, its stop.
func (s *events) block(i int, b replyBlock) {
	deltaKind, field, whole := "input_json_delta", "partial_json", string(b.Input)
	start := map[string]any{"type": b.Type, "id": b.ID, "name": b.Name, "input": map[string]any{}}
	if b.Type == "text" {
		deltaKind, field, whole = "text_delta", "text", *b.Text
		start = map[string]any{"type": b.Type, "text": ""}
	}
	s.send("content_block_start", map[string]any{"index": i, "content_block": start})
	for len(whole) > 0 {
		n := cut(whole, chunk)
		s.send("content_block_delta", map[string]any{"index": i, "delta": map[string]any{"type": deltaKind, field: whole[:n]}})
		whole = whole[n:]
	}
	s.send("content_block_stop", map[string]any{"index": i})
}

// cut finds where to split s near n bytes without splitting a character.
func cut(s string, n int) int {
	if len(s) <= n {
		return len(s)
	}
	for n < len(s) && s[n]&0xC0 == 0x80 {
		n++
	}
	return n
}

// pause fills a silence with pings; it is false where the client went away.
func (s *events) pause(r *http.Request, d, every time.Duration) bool {
	for ; d > 0 && s.err == nil; d -= every {
		if !pause(r, min(d, every)) {
			return false
		}
		s.send("ping", nil)
	}
	return s.err == nil
}
