// Package ecs writes an audit record as a document of the Elastic Common Schema
// (https://www.elastic.co/docs/reference/ecs), in version 9.4.0.
//
// It promises: a document is a pure function of record and position; every field outside "tripod" is one of the schema's,
// with a value of its type; and nothing is lost, since "tripod" is the record itself, in the form of docs/record.md. It
// holds no content, as records do not. Nothing is durable; everything here is safe for concurrent use.
package ecs

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/forward/jsonobject"
)

// Version is the version of the schema that documents name.
const Version = "9.4.0"

// Append appends a record as a document: one JSON object, no line feed. seq is its position in the journal. It returns an
// error only for what is no record.
func Append(dst []byte, seq uint64, r *audit.Record) ([]byte, error) {
	if r == nil {
		return dst, fmt.Errorf("write position %d as ECS: there is no record", seq)
	}
	d := document{Writer: jsonobject.Writer{B: append(dst, '{')}, seq: seq, r: r}
	d.write()
	return append(d.B, '}'), nil
}

type document struct {
	jsonobject.Writer
	seq uint64
	r   *audit.Record
}

func (d *document) write() {
	r := d.r
	at := r.Occurred
	if at.IsZero() {
		at = r.Recorded
	}
	d.Stamp("@timestamp", at)
	d.Open("ecs")
	d.Str("version", Version)
	d.Close()
	d.Strings("tags", r.Flags)
	d.event()
	d.user()
	d.origin()
	d.software()
	d.http()
	d.model()
	d.trace()
	if r.Rule != "" {
		d.Open("rule")
		d.Str("id", r.Rule)
		d.Str("ruleset", d.text("rule_set"))
		d.Close()
	}
	d.Name("tripod")
	d.B = r.AppendCanonical(d.B)
}

func (d *document) event() {
	r := d.r
	kind, category, types := sorted(r)
	d.Open("event")
	d.Str("kind", kind)
	d.Strings("category", category)
	d.Strings("type", types)
	d.Str("outcome", outcome(r.Outcome))
	d.Str("action", r.Type)
	d.Str("id", r.ID)
	d.Str("module", "tripod")
	d.Str("dataset", "tripod."+string(r.Source))
	d.Str("provider", string(r.Source))
	d.Uint("sequence", d.seq)
	d.Stamp("created", r.Observed)
	d.Stamp("ingested", r.Recorded)
	if r.Duration > 0 {
		d.Int("duration", r.Duration)
	}
	if r.Outcome == audit.OutcomeDenied {
		d.Str("reason", "denied")
	}
	d.Close()
}

func outcome(o audit.Outcome) string {
	switch o {
	case audit.OutcomeSuccess:
		return "success"
	case audit.OutcomeFailure, audit.OutcomeDenied:
		return "failure"
	}
	return "unknown"
}

// user writes the account: what is proved, else what is asserted, never mixed.
func (d *document) user() {
	id := &d.r.Account.Proved
	if id.Telling() == "" && d.r.Account.Asserted.Telling() != "" {
		id = &d.r.Account.Asserted
	}
	if id.Org != "" {
		d.Open("organization")
		d.Str("id", id.Org)
		d.Close()
	}
	if id.Telling() == "" {
		return
	}
	d.Open("user")
	d.Str("id", first(id.User, id.UUID, id.Subject, id.Service, id.Key))
	d.Str("name", first(id.Email, id.OSUser, id.Service, id.Key))
	d.Str("email", id.Email)
	d.Close()
	d.Open("related")
	var names []string
	for _, s := range []string{id.User, id.UUID, id.Email, id.Subject, id.Service, id.Key, id.OSUser} {
		if s != "" {
			names = append(names, s)
		}
	}
	d.Strings("user", names)
	if ip := address(d.r.IP); ip != "" {
		d.Strings("ip", []string{ip})
	}
	d.Close()
}

// origin writes where it came from.
func (d *document) origin() {
	r := d.r
	if r.IP != "" {
		d.Open("source")
		d.Str("address", r.IP)
		d.Str("ip", address(r.IP))
		d.Close()
	}
	device := first(r.Account.Proved.Device, r.Account.Asserted.Device)
	if device == "" {
		return
	}
	d.Open("host")
	d.Str("id", device)
	v, _ := r.Resource.Get("os.type")
	if name := v.Str(); name != "" {
		d.Open("os")
		d.Str("type", osType(name))
		d.Str("platform", name)
		v, _ = r.Resource.Get("os.version")
		d.Str("version", v.Str())
		d.Close()
	}
	d.Close()
}

// osType is the word the schema has for a system, "" for none.
func osType(s string) string {
	switch s {
	case "darwin":
		return "macos"
	case "linux", "windows":
		return s
	}
	return ""
}

// address is an address as the schema's type wants it.
func address(s string) string {
	if ip, err := netip.ParseAddr(s); err == nil && ip.Zone() == "" {
		return ip.String()
	}
	return ""
}

func (d *document) software() {
	if s := &d.r.Service; s.Name != "" {
		d.Open("service")
		d.Str("name", s.Name)
		d.Str("version", s.Version)
		d.Close()
	}
	if agent := d.text("actor.user_agent"); agent != "" {
		d.Open("user_agent")
		d.Str("original", agent)
		d.Close()
	}
}

func (d *document) http() {
	verb := first(d.text("request_method"), d.text("method"))
	if strings.Trim(verb, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		verb = ""
	}
	code, coded := d.number("status_code")
	if verb == "" && !coded {
		return
	}
	d.Open("http")
	if verb != "" {
		d.Open("request")
		d.Str("method", verb)
		d.Close()
	}
	if coded {
		d.Open("response")
		d.Int("status_code", code)
		d.Close()
	}
	d.Close()
}

func (d *document) trace() {
	if id := d.r.Keys.Trace; id != "" {
		d.Open("trace")
		d.Str("id", id)
		d.Close()
	}
	if id := d.r.Keys.Span; id != "" {
		d.Open("span")
		d.Str("id", id)
		d.Close()
	}
}

func (d *document) text(name string) string {
	v, _ := d.r.Attributes.Get(name)
	return v.Str()
}

func (d *document) number(name string) (int64, bool) {
	v, ok := d.r.Attributes.Get(name)
	if !ok {
		return 0, false
	}
	return v.Int64()
}

func first(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}
