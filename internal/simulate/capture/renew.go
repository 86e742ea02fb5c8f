package capture

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Renew copies the scenario as another run: every time is shifted by the same duration, every id becomes another of the
// same form, the same for the same run, and enumerations become the numbers that OTLP/JSON wants. The order and
// everything else stay.
func (s Scenario) Renew(run string, shift time.Duration) Scenario {
	r := renewer{run: run, shift: shift}
	out := Scenario{Name: s.Name, What: s.What, Exports: make([]Export, len(s.Exports))}
	for i, e := range s.Exports {
		out.Exports[i] = Export{Signal: e.Signal, Transport: e.Transport, Body: r.object(e.Body)}
	}
	return out
}

type renewer struct {
	run   string
	shift time.Duration
}

var enums = map[string]int{
	"SPAN_KIND_UNSPECIFIED": 0, "SPAN_KIND_INTERNAL": 1, "SPAN_KIND_SERVER": 2, "SPAN_KIND_CLIENT": 3,
	"AGGREGATION_TEMPORALITY_DELTA": 1, "AGGREGATION_TEMPORALITY_CUMULATIVE": 2,
	"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2,
}

func (r renewer) object(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = r.field(k, v)
	}
	return out
}

func (r renewer) field(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		return r.object(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = r.field(name, v[i])
		}
		return list
	case string:
		if strings.HasSuffix(name, "UnixNano") {
			return r.nanos(v)
		}
		if strings.HasSuffix(name, "Id") && strings.Trim(v, "0123456789abcdef") == "" { // traceId, spanId, parentSpanId
			return r.hexLike(v)
		}
		if n, ok := enums[v]; ok {
			return n
		}
		return r.text(v)
	case json.Number:
		if strings.HasSuffix(name, "UnixNano") {
			return r.nanos(v.String())
		}
	}
	return v
}

func (r renewer) nanos(s string) string {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n == 0 {
		return s
	}
	return strconv.FormatInt(n+int64(r.shift), 10)
}

var (
	timestamp = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
	ids       = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{64}\b|(?:toolu_|req_|msg_)[A-Za-z0-9]+|\ba[0-9a-f]{16}\b`)
)

func (r renewer) text(s string) string {
	if timestamp.MatchString(s) {
		if t, err := time.Parse(time.RFC3339, s); err == nil {
			return t.Add(r.shift).UTC().Format("2006-01-02T15:04:05.000Z")
		}
	}
	return ids.ReplaceAllStringFunc(s, r.id)
}

// id makes another id of the same form.
func (r renewer) id(old string) string {
	if prefix, rest, ok := strings.Cut(old, "_"); ok {
		return prefix + "_" + r.digits(rest)[:len(rest)]
	}
	h := r.digits(old)
	switch len(old) {
	case 36:
		return fmt.Sprintf("%s-%s-4%s-8%s-%s", h[:8], h[8:12], h[13:16], h[17:20], h[20:32])
	case 17:
		return "a" + h[:16]
	}
	return h
}

func (r renewer) hexLike(old string) string {
	if old == "" {
		return old
	}
	return r.digits(old)[:len(old)]
}

// digits are 64 hex digits that stand for an id in this run; an installation keeps its id over runs of one scenario.
func (r renewer) digits(old string) string {
	sum := sha256.Sum256([]byte(r.run + "\x00" + old))
	return hex.EncodeToString(sum[:])
}

// walkTimes calls f with every time in nanoseconds since 1970.
func walkTimes(v any, f func(int64)) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if s, ok := e.(string); ok && strings.HasSuffix(k, "UnixNano") {
				if n, err := strconv.ParseInt(s, 10, 64); err == nil {
					f(n)
				}
				continue
			}
			walkTimes(e, f)
		}
	case []any:
		for _, e := range v {
			walkTimes(e, f)
		}
	}
}
