package audit

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// AppendCanonical appends the record's canonical bytes: one JSON object, fields in the order of the struct, empty ones
// left out, times in UTC with up to nanoseconds and moved into the years 1 to 9999, bytes that are no UTF-8 replaced. The
// stored bytes are these bytes. Decode reads whatever it appends for a record of a known version.
func (r *Record) AppendCanonical(b []byte) []byte {
	o := object{b: append(b, '{')}
	o.int("v", int64(r.Version))
	o.str("id", r.ID)
	o.str("normaliser", r.Normaliser)
	o.str("source", string(r.Source))
	o.str("surface", string(r.Surface))
	o.str("activity", string(r.Activity))
	o.str("type", r.Type)
	o.str("outcome", string(r.Outcome))
	o.time("occurred", r.Occurred)
	o.time("observed", r.Observed)
	o.time("recorded", r.Recorded)
	o.account("account", &r.Account)
	o.keys("keys", &r.Keys)
	o.str("tool", r.Tool)
	o.str("mcp", r.MCP)
	o.str("model", r.Model)
	o.str("rule", r.Rule)
	o.str("case", r.Case)
	o.str("ip", r.IP)
	if r.Sequence != nil {
		o.int("sequence", *r.Sequence)
	}
	if r.Duration != 0 {
		o.int("duration_ns", r.Duration)
	}
	o.service("service", &r.Service)
	o.str("container", r.Container)
	o.attrs("resource", r.Resource)
	o.attrs("attributes", r.Attributes)
	o.parts("parts", r.Parts)
	o.content("content", r.Content)
	o.list("flags", r.Flags)
	o.str("supersedes", r.Supersedes)
	return append(o.b, '}')
}

// MarshalJSON makes encoding/json write the canonical bytes.
func (r *Record) MarshalJSON() ([]byte, error) { return r.AppendCanonical(nil), nil }

// Decode reads canonical bytes of any version up to SchemaVersion.
func Decode(b []byte) (*Record, error) {
	r := new(Record)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("decode record: %w", err)
	}
	if r.Version < 1 || r.Version > SchemaVersion {
		return nil, fmt.Errorf("decode record: schema version %d is not one of 1 to %d: use a newer tripod", r.Version, SchemaVersion)
	}
	return r, nil
}

// object writes one JSON object field by field; empty values leave nothing behind.
type object struct {
	b    []byte
	some bool
}

func (o *object) name(name string) {
	if o.some {
		o.b = append(o.b, ',')
	}
	o.some = true
	o.b = append(o.b, '"')
	o.b = append(o.b, name...)
	o.b = append(o.b, '"', ':')
}

func (o *object) str(name, v string) {
	if v == "" {
		return
	}
	o.name(name)
	o.b = appendString(o.b, v)
}

func (o *object) int(name string, v int64) {
	o.name(name)
	o.b = strconv.AppendInt(o.b, v, 10)
}

func (o *object) time(name string, t time.Time) {
	if t.IsZero() {
		return
	}
	o.name(name)
	o.b = append(o.b, '"')
	o.b = representable(t.UTC()).AppendFormat(o.b, time.RFC3339Nano)
	o.b = append(o.b, '"')
}

// The times RFC 3339 can write and every reader can read. The first instant of the year 1 is the zero time, which stands
// for none, so that the earliest one is just after it.
var (
	earliest = time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC)
	latest   = time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
)

// representable moves a time beyond the years 1 to 9999 to the nearest one within: bytes that cannot be decoded again
// must not exist.
func representable(t time.Time) time.Time {
	switch y := t.Year(); {
	case y < 1:
		return earliest
	case y > 9999:
		return latest
	}
	return t
}

func (o *object) list(name string, v []string) {
	if len(v) == 0 {
		return
	}
	o.name(name)
	o.b = append(o.b, '[')
	for i, s := range v {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = appendString(o.b, s)
	}
	o.b = append(o.b, ']')
}

func (o *object) attrs(name string, a Attrs) {
	if len(a) == 0 {
		return
	}
	o.name(name)
	o.b = a.appendJSON(o.b)
}

// nested writes an object inside the object and takes it back if it stayed empty.
func (o *object) nested(name string, fill func(*object)) {
	before, some := len(o.b), o.some
	o.name(name)
	in := object{b: append(o.b, '{')}
	fill(&in)
	if !in.some {
		o.b, o.some = in.b[:before], some
		return
	}
	o.b = append(in.b, '}')
}

func (o *object) account(name string, a *Account) {
	o.nested(name, func(in *object) {
		in.identity("asserted", &a.Asserted)
		in.identity("proved", &a.Proved)
	})
}

func (o *object) identity(name string, id *Identity) {
	o.nested(name, func(in *object) {
		in.str("user", id.User)
		in.str("uuid", id.UUID)
		in.str("email", id.Email)
		in.str("subject", id.Subject)
		in.str("org", id.Org)
		in.str("key", id.Key)
		in.str("service", id.Service)
		in.str("device", id.Device)
		in.str("os_user", id.OSUser)
		in.list("groups", id.Groups)
		in.str("credential", id.Credential)
	})
}

func (o *object) keys(name string, k *Keys) {
	o.nested(name, func(in *object) {
		in.str("session", k.Session)
		in.str("prompt", k.Prompt)
		in.str("request", k.Request)
		in.str("client_request", k.ClientRequest)
		in.str("tool_use", k.ToolUse)
		in.str("message", k.Message)
		in.str("chat", k.Chat)
		in.str("project", k.Project)
		in.str("agent", k.Agent)
		in.str("parent_agent", k.ParentAgent)
		in.str("workflow", k.Workflow)
		in.str("body", k.Body)
		in.str("trace", k.Trace)
		in.str("span", k.Span)
		in.str("parent_span", k.ParentSpan)
	})
}

func (o *object) service(name string, s *Service) {
	o.nested(name, func(in *object) {
		in.str("name", s.Name)
		in.str("version", s.Version)
		in.str("scope", s.Scope)
		in.str("scope_version", s.ScopeVersion)
	})
}

func (o *object) parts(name string, parts []Part) {
	if len(parts) == 0 {
		return
	}
	o.name(name)
	o.b = append(o.b, '[')
	for i := range parts {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		p := &parts[i]
		in := object{b: append(o.b, '{')}
		in.str("kind", p.Kind)
		in.str("name", p.Name)
		in.time("start", p.Start)
		in.time("time", p.Time)
		if p.Value.Kind != KindEmpty {
			in.name("value")
			in.b = p.Value.appendJSON(in.b)
		}
		in.str("unit", p.Unit)
		in.str("form", p.Form)
		in.str("trace", p.Trace)
		in.str("span", p.Span)
		in.attrs("attributes", p.Attributes)
		o.b = append(in.b, '}')
	}
	o.b = append(o.b, ']')
}

func (o *object) content(name string, list []Content) {
	if len(list) == 0 {
		return
	}
	o.name(name)
	o.b = append(o.b, '[')
	for i := range list {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		c := &list[i]
		in := object{b: append(o.b, '{')}
		in.str("name", c.Name)
		in.str("class", string(c.Class))
		in.str("kind", c.Kind)
		in.int("bytes", int64(c.Bytes))
		in.str("address", c.Address)
		in.str("withheld", c.Withheld)
		if c.Truncated {
			in.name("truncated")
			in.b = append(in.b, "true"...)
		}
		o.b = append(in.b, '}')
	}
	o.b = append(o.b, ']')
}

const hexDigits = "0123456789abcdef"

// AppendJSONString writes a JSON string as records do, so that what is made of a record says the same.
func AppendJSONString(b []byte, s string) []byte { return appendString(b, s) }

// appendString writes a JSON string with the fewest escapes RFC 8259 allows. Bytes that are no UTF-8 become U+FFFD, so
// that every reader reads the same.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= 0x20 && c != '"' && c != '\\' {
				i++
				continue
			}
			b = append(b, s[start:i]...)
			b = appendEscape(b, c)
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			b = append(b, s[start:i]...)
			b = append(b, "\ufffd"...)
			i++
			start = i
			continue
		}
		i += size
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// Hex renders a digest or an id the way records and pages show them.
func Hex(b []byte) string { return hex.EncodeToString(b) }
