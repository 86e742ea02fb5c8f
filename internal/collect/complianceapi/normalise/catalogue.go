package normalise

import (
	_ "embed"
	"encoding/json"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// typesJSON lists every activity type that the vendor's pages name, with what it is in Tripod's words, the date of the
// list and its source. An outcome that is left out is success; "by:FIELD" reads it from a field of the activity. A
// surface that is left out is unknown: the feed does not say where an act was done.
//
//go:embed types.json
var typesJSON []byte

// mapping is what a type is in Tripod's words.
type mapping struct {
	Type     string         `json:"type"`
	Activity audit.Activity `json:"activity"`
	Outcome  string         `json:"outcome"`
	Surface  audit.Surface  `json:"surface"`
}

func catalogue() (map[string]mapping, error) {
	var list struct{ Types []mapping }
	if err := json.Unmarshal(typesJSON, &list); err != nil {
		return nil, err
	}
	m := make(map[string]mapping, len(list.Types))
	for _, t := range list.Types {
		m[t.Type] = t
	}
	return m, nil
}

// classify says what was done, and how it ended.
func (m *maker) classify() {
	t, ok := m.n.types[m.rec.Type]
	if !ok {
		m.rec.Flag(audit.FlagUnknownType)
		return
	}
	m.rec.Activity, m.rec.Outcome = t.Activity, audit.OutcomeSuccess
	if t.Surface != "" {
		m.rec.Surface = t.Surface
	}
	if by, ok := strings.CutPrefix(t.Outcome, "by:"); ok {
		m.rec.Outcome = outcome(by, m.row.get(by))
	} else if t.Outcome != "" {
		m.rec.Outcome = audit.Outcome(t.Outcome)
	}
	if m.rec.Type == "compliance_api_accessed" && m.row.text("request_method") == "DELETE" {
		m.rec.Activity = audit.ActivityDelete
	}
	if s := m.row.text("surface"); s != "" && strings.HasPrefix(m.rec.Type, "inference_hooks_") && isWord(s) {
		m.rec.Surface = audit.Surface(s)
	}
}

// outcome reads how it ended from the field that says so.
func outcome(name string, v value) audit.Outcome {
	if v.kind == audit.KindMap { // {"outcome":"…","reason":"…"}
		v = v.get("outcome")
	}
	switch v.kind {
	case audit.KindBool:
		switch {
		case v.truth == (name != "failed"):
			return audit.OutcomeSuccess
		case name == "approved":
			return audit.OutcomeDenied
		}
		return audit.OutcomeFailure
	case audit.KindInt:
		switch {
		case v.str == "401" || v.str == "403":
			return audit.OutcomeDenied
		case len(v.str) == 3 && v.str[0] == '2':
			return audit.OutcomeSuccess
		}
		return audit.OutcomeFailure
	case audit.KindString:
		return outcomeWord(v.str)
	}
	return audit.OutcomeUnknown
}

func outcomeWord(s string) audit.Outcome {
	s = strings.ToLower(s)
	for _, w := range []struct {
		prefix string
		is     audit.Outcome
	}{
		{"succe", audit.OutcomeSuccess}, {"approve", audit.OutcomeSuccess}, {"allow", audit.OutcomeSuccess}, {"import", audit.OutcomeSuccess}, {"issued", audit.OutcomeSuccess},
		{"fail", audit.OutcomeFailure}, {"error", audit.OutcomeFailure},
		{"denied", audit.OutcomeDenied}, {"reject", audit.OutcomeDenied}, {"block", audit.OutcomeDenied},
	} {
		if strings.HasPrefix(s, w.prefix) {
			return w.is
		}
	}
	return audit.OutcomeUnknown
}

// isWord reports whether a text can be the name of a surface: an enumeration, not a sentence.
func isWord(s string) bool {
	return len(s) <= 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}

// isRoute reports whether a URL is nothing but a route of the Compliance API with ids in it. A query can name accounts
// and times, and anything else is not the vendor's.
func isRoute(s string) bool {
	s = strings.TrimPrefix(s, "https://api.anthropic.com")
	return strings.HasPrefix(s, "/v1/compliance/") &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/") == ""
}
