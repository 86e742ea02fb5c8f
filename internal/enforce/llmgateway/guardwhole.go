package llmgateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
	"github.com/tripod-audit/tripod/internal/policy"
)

// guardWhole reads and judges an answer that is no stream, and returns what is passed on: the bytes as they came, or with our
// words in the place of what was withheld. Of one that is too large and may pass all the same, it is the beginning.
func (x *exchange) guardWhole(ctx context.Context, from io.Reader) ([]byte, *saying) {
	rows := x.g.engine.Failures()
	body, err := io.ReadAll(io.LimitReader(from, messages.MaxReply+1))
	if err != nil {
		x.err = err
		return nil, &saying{broke: true, gone: ctx.Err() != nil, refusal: refusal{status: http.StatusBadGateway, kind: "api_error", text: "the upstream's answer broke off"}}
	}
	if len(body) > messages.MaxReply {
		if rows.TooLarge == policy.Forward {
			return body, nil // and the rest of it behind
		}
		return nil, says(statusPolicy, "permission_error", "This answer is larger than the gateway reads, and your organisation lets none pass unread.")
	}
	reply, err := messages.ReadReply(body)
	if err != nil {
		if rows.Malformed == policy.Refuse {
			return nil, says(statusPolicy, "permission_error", "This answer is not JSON that everybody reads alike, and your organisation lets none pass unread.")
		}
		return body, nil
	}
	x.reply = reply
	l := x.listen(ctx)
	said := map[int]string{}
	all := ""
	for i, b := range reply.Blocks {
		list := l.judgeText(b)
		words, point := "", answerEvent(l.base, b).Point
		if len(list) > 0 && (withholds(b) || point == policy.PointResponse) {
			words = x.refuses(&rows, point, &list[0])
		}
		x.rec.Block(b, list, words != "")
		switch {
		case words == "":
		case withholds(b):
			said[i] = words
			x.g.stats.withheld.Inc()
		case all == "":
			all = words
		}
	}
	if all == "" && len(said) == 0 {
		return body, nil
	}
	out, ok := resay(body, reply, said, all)
	if !ok {
		return nil, says(statusPolicy, "permission_error", "%s", firstOf(all, said))
	}
	if all != "" {
		x.ended = endRefused
		x.g.stats.cut.Inc()
	}
	return out, nil
}

func firstOf(all string, said map[int]string) string {
	if all != "" {
		return all
	}
	for _, words := range said {
		return words
	}
	return ""
}

// resay puts our words in the place of blocks of a message, or of its whole content, and leaves every other byte.
func resay(body []byte, reply *messages.Reply, said map[int]string, all string) ([]byte, bool) {
	start, end, ok := member(body, "content")
	if !ok {
		return nil, false
	}
	var cuts []cut
	tools := 0
	if all != "" {
		cuts = append(cuts, cut{start, end, "[" + textBlock(all) + "]"})
	} else {
		spans := elements(body[start:end])
		if len(spans) != len(reply.Blocks) {
			return nil, false
		}
		for i, s := range spans {
			if words, is := said[i]; is {
				cuts = append(cuts, cut{start + s[0], start + s[1], textBlock(words)})
			} else if withholds(reply.Blocks[i]) {
				tools++
			}
		}
	}
	if s, e, ok := member(body, "stop_reason"); ok && tools == 0 && reply.StopReason == "tool_use" || all != "" && ok {
		cuts = append(cuts, cut{s, e, `"end_turn"`})
	}
	return splice(body, cuts), true
}

func textBlock(words string) string {
	quoted, err := json.Marshal(words)
	if err != nil {
		quoted = []byte(`""`)
	}
	return fmt.Sprintf(`{"type":"text","text":%s}`, quoted)
}

// elements finds the elements of a JSON array.
func elements(data []byte) (spans [][2]int) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(data))
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '[' {
		return nil
	}
	for dec.PeekKind() != ']' {
		v, err := dec.ReadValue()
		if err != nil {
			return nil
		}
		end := int(dec.InputOffset())
		spans = append(spans, [2]int{end - len(v), end})
	}
	return spans
}
