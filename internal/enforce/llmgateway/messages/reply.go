package messages

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Reply is an answer of the API, as far as it has come.
type Reply struct {
	ID         string // msg_…
	Model      string
	StopReason string
	Usage      Usage
	Blocks     []*ReplyBlock // in the order they began
	Error      *APIError     // an error answer, or an error in the middle of a stream
	Done       bool          // message_stop came, or the answer is whole
	Restarts   int           // how often message_start came again
	Events     int           // how many events were accepted, pings included
	Malformed  int           // how many events could not be read
	Truncated  bool          // more came than MaxReply; the rest was not kept

	started bool
	size    int
	frames  frames
}

// MaxReply bounds, in bytes, what a reply keeps of texts and inputs. What exceeds it is still handed out as it comes.
const MaxReply = 32 << 20

// Usage is what the API counted; in a stream the last value told.
type Usage struct {
	Input           int64
	Output          int64
	CacheRead       int64
	CacheCreation   int64
	CacheCreation5m int64
	CacheCreation1h int64
	WebSearch       int64 // requests of the vendor's tools
	WebFetch        int64
	ServiceTier     string
	Speed           string
	InferenceGeo    string
	Told            bool // the API said something
}

// APIError is an error of the API.
type APIError struct {
	Type      string // "overloaded_error" …
	Message   string
	RequestID string
}

// ReplyBlock is one content block of an answer.
type ReplyBlock struct {
	Index  int
	Answer string // id of the message it belongs to: msg_…
	Type   string // "text", "thinking", "tool_use" …
	ID     string // of a tool call; of a result, that of the call it answers
	Tool   string
	Server string // MCP server of a call through the vendor's connector
	Input  []byte // arguments of a tool call; whole and strictly read only where Whole and Failed is nil
	Raw    []byte // the block as it began: a result of the vendor's tools stands in it whole
	// Failed says why the arguments cannot be judged, once the block is whole: a *Malformed.
	Failed  error
	IsError bool
	Whole   bool
	Bytes   int // of its deltas and of the block as it began

	text     []byte
	partial  bool      // deltas of the input came: they stand in place of the input the block began with
	fragment fragments // of the input
}

// Text is what the block says so far: text or thinking as it came, the strings of a result one a line; "" of a tool call.
func (b *ReplyBlock) Text() string { return string(b.text) }

// Change is what one event did to a reply.
type Change struct {
	Block *ReplyBlock // nil where the event concerns none
	// Text is what the event added to what the block says, decoded: bytes of texts and thinking; of the arguments of a
	// tool the names and strings in them, one a line. Together they are the same however the answer is cut. Valid until the
	// next event.
	Text  []byte
	Began bool // the block began
	Whole bool // the block is whole
	Error bool // the event is an error of the API: Reply.Error says which
}

// as reads a value that is known to be JSON. One of another shape than expected is none: tomorrow's shapes are no errors.
func as[T any](raw jsontext.Value) (v T) {
	if len(raw) == 0 || json.Unmarshal(raw, &v) != nil {
		var none T
		return none
	}
	return v
}

type message struct {
	ID         string         `json:"id"`
	Model      string         `json:"model"`
	StopReason string         `json:"stop_reason"`
	Usage      jsontext.Value `json:"usage"`
}

type apiError struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

type usage struct {
	Input         *int64 `json:"input_tokens"`
	Output        *int64 `json:"output_tokens"`
	CacheRead     *int64 `json:"cache_read_input_tokens"`
	CacheCreation *int64 `json:"cache_creation_input_tokens"`
	Creation      struct {
		M5 *int64 `json:"ephemeral_5m_input_tokens"`
		H1 *int64 `json:"ephemeral_1h_input_tokens"`
	} `json:"cache_creation"`
	Server struct {
		Search *int64 `json:"web_search_requests"`
		Fetch  *int64 `json:"web_fetch_requests"`
	} `json:"server_tool_use"`
	Tier  string `json:"service_tier"`
	Speed string `json:"speed"`
	Geo   string `json:"inference_geo"`
}

// Accept takes the next event of a stream. An error is a *Malformed: the event could not be read, the reply is as it was,
// and the next may be given to it. Events of unknown type, and those without data, change nothing.
func (r *Reply) Accept(e Event) (Change, error) {
	if e.TooLong {
		r.Malformed++
		r.Truncated = true
		return Change{}, &Malformed{0, reasonCount}
	}
	if e.Data == nil {
		return Change{}, nil
	}
	r.Events++
	f, err := r.frames.read(e.Data)
	if err != nil {
		r.Malformed++
		return Change{}, malformed(0, e.Data, err)
	}
	kind := f.kind
	if kind == "" {
		kind = e.Name
	}
	switch kind {
	case "message_start":
		r.start(f.message)
	case "content_block_start":
		return r.begin(f.index, f.block)
	case "content_block_delta":
		return r.grow(f.index, &f.delta), nil
	case "content_block_stop":
		return r.finish(f.index), nil
	case "message_delta":
		if f.delta.stop != "" {
			r.StopReason = f.delta.stop
		}
		r.Usage.take(f.usage)
	case "message_stop":
		r.Done = true
	case "error":
		r.fail(f.fault, f.request)
		return Change{Error: true}, nil
	}
	return Change{}, nil
}

func (r *Reply) start(raw jsontext.Value) {
	if r.started {
		r.Restarts++
	}
	r.started = true
	m := as[message](raw)
	r.ID, r.Model = m.ID, m.Model
	if m.StopReason != "" {
		r.StopReason = m.StopReason
	}
	r.Usage.take(m.Usage)
}

func (r *Reply) fail(raw, request jsontext.Value) {
	e := as[apiError](raw)
	r.Error = &APIError{Type: e.Type, Message: e.Message, RequestID: as[string](request)}
}

// take keeps the values that were told.
func (u *Usage) take(raw jsontext.Value) {
	if len(raw) == 0 || raw.Kind() != '{' {
		return
	}
	t := as[usage](raw)
	u.Told = true
	for _, v := range []struct {
		to   *int64
		from *int64
	}{
		{&u.Input, t.Input},
		{&u.Output, t.Output},
		{&u.CacheRead, t.CacheRead},
		{&u.CacheCreation, t.CacheCreation},
		{&u.CacheCreation5m, t.Creation.M5},
		{&u.CacheCreation1h, t.Creation.H1},
		{&u.WebSearch, t.Server.Search},
		{&u.WebFetch, t.Server.Fetch},
	} {
		if v.from != nil {
			*v.to = *v.from
		}
	}
	for _, v := range []struct {
		to   *string
		from string
	}{{&u.ServiceTier, t.Tier}, {&u.Speed, t.Speed}, {&u.InferenceGeo, t.Geo}} {
		if v.from != "" {
			*v.to = v.from
		}
	}
}

// ReadReply reads an answer that is no stream: a message, or an error. An error is a *Malformed.
func ReadReply(body []byte) (*Reply, error) {
	var f struct {
		Type    jsontext.Value `json:"type"`
		Error   jsontext.Value `json:"error"`
		Request jsontext.Value `json:"request_id"`
		Content jsontext.Value `json:"content"`
	}
	if err := json.Unmarshal(body, &f); err != nil {
		return nil, malformed(0, body, err)
	}
	r := &Reply{Done: true}
	if as[string](f.Type) == "error" {
		r.fail(f.Error, f.Request)
		return r, nil
	}
	r.start(body)
	for i, raw := range as[[]jsontext.Value](f.Content) {
		if _, err := r.begin(i, raw); err != nil {
			return nil, err
		}
		r.finish(i)
	}
	return r, nil
}
