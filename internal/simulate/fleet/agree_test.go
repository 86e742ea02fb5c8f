package fleet_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// structure is a record without its values: what a receiver's parser sees.
type structure struct {
	Name     string
	Resource []string // attributes with their kinds, in order
	Scope    string
	Members  []string // of the record itself
	Attrs    []string
	Events   []string // of a span: their names and attributes; repetitions count once
	Status   string
}

func (r *rec) structure(exact bool) structure {
	s := structure{Name: r.name, Resource: kinds(r.resource, exact), Scope: r.scope, Attrs: kinds(r.attrs, exact)}
	for m := range r.raw {
		switch {
		case m == "attributes" || m == "events" || m == "status" || m == "unit" || m == "links" || m == "kind":
		case strings.HasPrefix(m, "dropped") && !exact: // zero, which protobuf leaves out
		default:
			s.Members = append(s.Members, m)
		}
	}
	slices.Sort(s.Members)
	if k, ok := r.raw["kind"]; ok {
		s.Status = strings.NewReplacer("SPAN_KIND_INTERNAL", "1", "map", "").Replace(fmt.Sprint("kind ", k))
		status, _ := r.raw["status"].(map[string]any)
		if code := fmt.Sprint(status["code"]); code == "2" || code == "STATUS_CODE_ERROR" {
			s.Status += fmt.Sprint(" failed, message ", status["message"])
		}
	}
	if u, _ := r.raw["unit"].(string); u != "" {
		s.Status = "unit " + u
	}
	for _, e := range items(r.raw, "events") {
		one := fmt.Sprint(e.(map[string]any)["name"], " ", kinds(items(e, "attributes"), exact))
		if len(s.Events) == 0 || s.Events[len(s.Events)-1] != one {
			s.Events = append(s.Events, one)
		}
	}
	return s
}

// kinds are attributes' names and kinds, and exactly also in which JSON type the value stands.
func kinds(list []any, exact bool) []string {
	var out []string
	for _, a := range list {
		m := a.(map[string]any)
		v, _ := m["value"].(map[string]any)
		kind := strings.Join(slices.Sorted(maps.Keys(v)), "+")
		if exact {
			kind = fmt.Sprintf("%s %T", kind, v[kind])
		}
		if kind == "arrayValue" {
			seen := map[string]bool{}
			for _, e := range items(v["arrayValue"], "values") {
				for k := range e.(map[string]any) {
					seen[k] = true
				}
			}
			kind += fmt.Sprint(slices.Sorted(maps.Keys(seen)))
		}
		out = append(out, fmt.Sprint(m["key"], ": ", kind))
	}
	return out
}

// unlike are the records of captures that no act of the world stands for. Everything else has to agree.
var unlike = []struct {
	scenario, because string
	skip              func(*rec) bool
}{
	{"stream2", "an SDK's stream hands over a second prompt while the first is at work; the world's clients take one after the other",
		func(r *rec) bool { return r.has("delivery.mode") }},
	{"stream2", "an SDK's stream loads plugins once the first prompt has come, so they bear its prompt.id; elsewhere they are loaded before",
		func(r *rec) bool { return r.name == "claude_code.plugin_loaded" }},
}

// partial are the captures that keep the first of several metric exports alone. What they lack must be in another.
var partial = []string{"e529", "stream2", "tui"}

// alike takes from a capture what is unlike.
func (d *told) alike(scenario string) {
	for _, u := range unlike {
		if u.scenario == scenario {
			d.logs = slices.DeleteFunc(d.logs, func(r rec) bool { return u.skip(&r) })
		}
	}
}

func structures(list []rec, exact bool) []structure {
	var out []structure
	for i := range list {
		out = append(out, list[i].structure(exact))
	}
	return out
}

// distinct are the structures of points, each once, in an order of their own: how many there are depends on when metrics were
// collected.
func distinct(list []structure) []structure {
	seen := map[string]structure{}
	for _, s := range list {
		seen[fmt.Sprint(s)] = s
	}
	var out []structure
	for _, k := range slices.Sorted(maps.Keys(seen)) {
		out = append(out, seen[k])
	}
	return out
}

// TestTellsAsTheRealClientDoes: the fleet's telemetry of what happened in each capture has the capture's structure: the same
// records in the same order with the same attributes of the same kinds, scopes and resources.
func TestTellsAsTheRealClientDoes(t *testing.T) {
	t.Parallel()
	all := captured(t)
	measured := map[string]bool{}
	for _, d := range all {
		for _, s := range structures(d.points, false) {
			measured[fmt.Sprint(s)] = true
		}
	}
	for name, want := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want.alike(name)
			got := replayed(t, name, want)
			exact := name == "t1" // captured as the client's own JSON
			if diff := cmp.Diff(structures(want.logs, exact), structures(got.logs, exact)); diff != "" {
				t.Errorf("events (-captured +told):\n%s", diff)
			}
			if diff := cmp.Diff(bySpan(structures(want.spans, exact)), bySpan(structures(got.spans, exact))); diff != "" {
				t.Errorf("spans (-captured +told):\n%s", diff)
			}
			wanted, told := distinct(structures(want.points, exact)), distinct(structures(got.points, exact))
			if slices.Contains(partial, name) {
				told = slices.DeleteFunc(told, func(s structure) bool {
					return measured[fmt.Sprint(s)] && !slices.ContainsFunc(wanted, func(w structure) bool { return cmp.Equal(w, s) })
				})
			}
			if diff := cmp.Diff(wanted, told); diff != "" {
				t.Errorf("metrics (-captured +told):\n%s", diff)
			}
			if diff := cmp.Diff(values(want.logs), values(got.logs)); diff != "" && name != "stream2" { // what is left out there shifts the count
				t.Errorf("what the events say (-captured +told):\n%s", diff)
			}
		})
	}
}

// unequal are the attributes whose values need not agree, and why.
var unequal = map[string]string{
	"cost_usd":                 "the world counts in millionths",
	"plugin_id_hash":           "how the client makes it is not known",
	"tool_input":               "without details a capture does not tell the input",
	"event.timestamp":          "what one act leaves is told in one moment; a millisecond or two apart, really",
	"duration_ms":              "measured within the client: the time between two of its events is not it",
	"body":                     "the world does not know the whole conversation",
	"body_length":              "the world does not know the whole conversation",
	"request_body_id":          "the client's own",
	"message.id":               "the world does not tell it",
	"vcs.ref.head.revision":    "the world has no repositories",
	"tool_input_size_bytes":    "without details a capture does not tell the input",
	"managed_settings.sources": "a list, compared by its structure",
}

// values are what events say, attribute by attribute, in whichever kind.
func values(list []rec) []string {
	var out []string
	for i := range list {
		r := &list[i]
		for _, a := range r.attrs {
			m := a.(map[string]any)
			k := fmt.Sprint(m["key"])
			if v := r.str(k); unequal[k] == "" && len(v) <= 200 { // captures cut longer ones
				out = append(out, fmt.Sprintf("%d %s %s = %s", i, r.name, k, v))
			}
		}
	}
	return out
}

// bySpan sorts spans by name: within a millisecond the client sends them in the order in which its functions return.
func bySpan(list []structure) []structure {
	slices.SortStableFunc(list, func(a, b structure) int {
		x, errA := json.Marshal(a)
		y, errB := json.Marshal(b)
		if errA != nil || errB != nil {
			panic("structures are JSON")
		}
		return strings.Compare(string(x), string(y))
	})
	return list
}
