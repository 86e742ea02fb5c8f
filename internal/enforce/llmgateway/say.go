package llmgateway

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// saying is what is answered in place of the upstream: an error, or an answer of the model with our words.
type saying struct {
	refusal
	gone   bool // the client is, or Tripod stops: nobody is answered for
	broke  bool // it stands for an answer that broke off, which is how the exchange ended
	stream bool // words as an answer of the model
	words  string
	model  string
}

// Error implements error, for a saying that takes the place of an answer.
func (s *saying) Error() string { return s.text }

// says is an error that clients show as it is and do not ask again.
func says(status int, kind, format string, args ...any) *saying {
	return &saying{refusal: refusal{status: status, kind: kind, text: fmt.Sprintf(format, args...), noRetry: true}}
}

// say answers in place of the upstream.
func (x *exchange) say(w http.ResponseWriter, s *saying) {
	if s.gone {
		x.cutOff(w)
		return
	}
	if !s.stream {
		x.refuse(w, s.refusal)
		return
	}
	x.status = http.StatusOK
	x.end(endRefused, nil)
	body := answerOf(s.model, s.words)
	h := w.Header()
	if x.client.unread() {
		h.Set("Connection", "close")
	}
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Request-Id", newRequestID())
	_, _ = w.Write(body) // a client that is gone needs no answer
}

// answerOf is a whole stream in which a model says the words and ends its turn
// (https://platform.claude.com/docs/en/build-with-claude/streaming).
func answerOf(model, words string) []byte {
	type object = map[string]any
	var b []byte
	b = appendEvent(b, "message_start", object{"type": "message_start", "message": object{
		"id": "msg_tripod_" + strings.ToLower(rand.Text()), "type": "message", "role": "assistant", "model": model, "content": []any{},
		"stop_reason": nil, "stop_sequence": nil, "usage": object{"input_tokens": 0, "output_tokens": 0},
	}})
	b = appendTextBlock(b, 0, words)
	return appendEnd(b, 0)
}

// appendTextBlock appends the events of one block of text.
func appendTextBlock(b []byte, index int, words string) []byte {
	type object = map[string]any
	b = appendEvent(b, "content_block_start", object{"type": "content_block_start", "index": index, "content_block": object{"type": "text", "text": ""}})
	b = appendEvent(b, "content_block_delta", object{"type": "content_block_delta", "index": index, "delta": object{"type": "text_delta", "text": words}})
	return appendBlockStop(b, index)
}

func appendBlockStop(b []byte, index int) []byte {
	return appendEvent(b, "content_block_stop", map[string]any{"type": "content_block_stop", "index": index})
}

// appendEnd appends the end of a turn.
func appendEnd(b []byte, outputTokens int64) []byte {
	type object = map[string]any
	b = appendEvent(b, "message_delta", object{"type": "message_delta", "delta": object{"stop_reason": "end_turn", "stop_sequence": nil}, "usage": object{"output_tokens": outputTokens}})
	return appendEvent(b, "message_stop", object{"type": "message_stop"})
}

// appendEvent appends one event; its data are made of strings, numbers and objects only, which always encode.
func appendEvent(b []byte, name string, data map[string]any) []byte {
	j, err := json.Marshal(data)
	if err != nil {
		return b
	}
	b = append(append(b, "event: "...), name...)
	b = append(append(b, "\ndata: "...), j...)
	return append(b, "\n\n"...)
}
