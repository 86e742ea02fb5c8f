package console

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/intake/capture"
)

// mostRules is how many rules the editor takes.
const mostRules = 100

func (c *Console) captureRoutes(mux *http.ServeMux) {
	c.page(mux, "GET /settings/capture", always(opens("capture")), (*visit).capture)
}

// capture shows the rules in force and, where the address has others, what these would change. It changes nothing: the
// configuration file is the one truth, and the page says what to put there.
func (v *visit) capture() error {
	var now capture.Config
	if v.deps.Capture != nil {
		now = v.deps.Capture()
	}
	p := page.Capture{InForce: strings.Split(strings.TrimSpace(now.Words()), "\n"), Planes: []string{"control", "agent", "network"}}
	for _, s := range audit.Sources() {
		p.Sources = append(p.Sources, string(s))
	}
	for _, s := range audit.Surfaces() {
		p.Surfaces = append(p.Surfaces, string(s))
	}
	edited := now
	if q := v.r.URL.Query(); q.Has("keep") {
		var err error
		if edited, err = rulesOf(q); err != nil {
			return err
		}
		p.Edited = true
		p.Wrong = wrongRules(edited)
		if len(p.Wrong) == 0 {
			p.Diff, p.Affected = diffLines(now.Words(), edited.Words()), affected(now, edited)
			if v.deps.CaptureYAML != nil {
				if p.YAML, err = v.deps.CaptureYAML(edited); err != nil {
					return err
				}
			}
		}
	}
	for i, r := range edited.Rules {
		p.Rules = append(p.Rules, ruleRow(i+1, &r))
	}
	for range 2 {
		p.Rules = append(p.Rules, page.CaptureRule{Number: len(p.Rules) + 1})
	}
	return v.print("capture", v.frame("What is kept", "settings", v.cli("policy", "capture", "list")), &p)
}

// wrongRules lists what is wrong with rules.
func wrongRules(c capture.Config) []string {
	if err := c.Validate(); err != nil {
		return strings.Split(err.Error(), "\n")
	}
	return nil
}

func ruleRow(number int, r *capture.Rule) page.CaptureRule {
	return page.CaptureRule{Number: number, Source: list(r.Source), Plane: list(r.Plane), Surface: list(r.Surface), Group: list(r.Group), Credential: list(r.Credential), Keep: string(r.Keep)}
}

func list[T ~string](values []T) string {
	words := make([]string, len(values))
	for i, s := range values {
		words[i] = string(s)
	}
	return strings.Join(words, ", ")
}

// rulesOf reads the rows of the form: those that keep nothing in particular are taken out, the others stand in the order of
// their numbers.
func rulesOf(q url.Values) (capture.Config, error) {
	type numbered struct {
		rule capture.Rule
		at   float64
	}
	n := len(q["keep"])
	for _, name := range []string{"at", "source", "plane", "surface", "group", "credential"} {
		if len(q[name]) != n || n > mostRules {
			return capture.Config{}, invalid("The form is not whole, or has more than " + strconv.Itoa(mostRules) + " rules")
		}
	}
	var rows []numbered
	for i := range n {
		if q["keep"][i] == "" {
			continue
		}
		at, err := strconv.ParseFloat(strings.TrimSpace(q["at"][i]), 64)
		if err != nil || at != at {
			at = float64(i + 1)
		}
		rows = append(rows, numbered{capture.Rule{
			Source: values[audit.Source](q["source"][i]), Plane: values[audit.Plane](q["plane"][i]), Surface: values[audit.Surface](q["surface"][i]),
			Group: values[string](q["group"][i]), Credential: values[string](q["credential"][i]), Keep: audit.Class(q["keep"][i]),
		}, at})
	}
	slices.SortStableFunc(rows, func(a, b numbered) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	var c capture.Config
	for _, r := range rows {
		c.Rules = append(c.Rules, r.rule)
	}
	return c, nil
}

// values are the words of a field, apart by commas.
func values[T ~string](text string) []T {
	var out []T
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word != "" {
			out = append(out, T(word))
		}
	}
	return out
}

// affected says of each source what is kept differently.
func affected(was, is capture.Config) (out []page.CaptureChange) {
	for _, s := range audit.Sources() {
		if s == audit.SourceTripod {
			continue
		}
		before, after := told(was, s), told(is, s)
		if before != after {
			out = append(out, page.CaptureChange{Source: string(s), Was: before, Is: after})
		}
	}
	return out
}

// told is what is kept of a source in one sentence.
func told(c capture.Config, s audit.Source) string {
	e := c.Explain(capture.Asked{Source: s})
	var words []string
	for _, u := range e.Unless {
		words = append(words, string(u.Keep)+" if "+u.If)
	}
	if len(words) == 0 {
		return string(e.Keep)
	}
	return strings.Join(append(words, "else "+string(e.Keep)), "; ")
}

// diffLines lists the lines of two texts with what became of each: the longest common part stays.
func diffLines(was, is string) (out []page.DiffLine) {
	a, b := strings.Split(strings.TrimSpace(was), "\n"), strings.Split(strings.TrimSpace(is), "\n")
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if common[i][j] = max(common[i+1][j], common[i][j+1]); unnumbered(a[i]) == unnumbered(b[j]) {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && unnumbered(a[i]) == unnumbered(b[j]):
			out, i, j = append(out, page.DiffLine{Text: b[j]}), i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			out, i = append(out, page.DiffLine{Mark: "−", Text: a[i]}), i+1
		default:
			out, j = append(out, page.DiffLine{Mark: "+", Text: b[j]}), j+1
		}
	}
	return out
}

// unnumbered is a rule without its number: one that only moved up is the same.
func unnumbered(line string) string {
	_, rest, ok := strings.Cut(line, ". ")
	if !ok {
		return line
	}
	return rest
}
