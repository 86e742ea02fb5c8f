package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/organisation"
)

// Capture is the capture policy in force and the configuration file it stands in. Its methods may be called at once.
type Capture interface {
	Rules() capture.Config
	// YAML is a policy as the file has it.
	YAML(capture.Config) (string, error)
	// File is where the policy stands and which version of it is in force; closed says why it cannot be written, nil where it
	// seems it can.
	File() (path, version string, closed error)
	// Write checks the whole configuration with another policy in it, puts on record who changes what, writes the file, the old
	// one beside it, and takes it over as a reload does. version is what File told when the policy was made. It fails with a
	// *StaleError, *ClosedError or *InvalidError, and then all is as it was.
	Write(ctx context.Context, by *access.Person, version string, policy capture.Config) error
}

// StaleError says that the policy was made of another version of the file than there is.
type StaleError struct {
	File       string
	InForce    bool            // the other version is in force already; else only the file is another
	Settings   []string        // sections in which the file differs from what is in force
	Rules      *capture.Config // of the other version; nil where it cannot be read
	Unreadable error           // why it cannot be
}

func (e *StaleError) Error() string { return e.File + " was changed meanwhile" }

// ClosedError says that the file cannot be written; Reason names no content of it.
type ClosedError struct{ Reason error }

func (e *ClosedError) Error() string {
	return "the configuration file cannot be written: " + e.Reason.Error()
}
func (e *ClosedError) Unwrap() error { return e.Reason }

// InvalidError says that the whole configuration would not stand with the policy in it.
type InvalidError struct{ Reason error }

func (e *InvalidError) Error() string { return e.Reason.Error() }
func (e *InvalidError) Unwrap() error { return e.Reason }

// capturePage is the address of the editor.
const capturePage = "/settings/capture"

// mostRules is how many rules the editor takes.
const mostRules = 100

func (c *Console) captureRoutes(mux *http.ServeMux) {
	c.page(mux, "GET "+capturePage, (*visit).opensCapture, func(v *visit) error { return v.capture(nil) })
	c.form(mux, "POST "+capturePage, form{
		page: func(*visit) string { return capturePage }, do: (*visit).writeCapture, what: (*visit).opensCapture, again: (*visit).capture,
	})
}

// opensCapture says whose content somebody asks about.
func (v *visit) opensCapture() (opening, error) {
	o := opens("capture")
	if account := v.accountAsked(); account != "" {
		o.query = &account
	}
	return o, nil
}

func (v *visit) accountAsked() string {
	if !v.may(access.ReadRecords) {
		return ""
	}
	return strings.TrimSpace(v.rulesAsked().Get("account"))
}

// rulesAsked are the fields of the form: as sent, as the address has them, or as they were before a fresh sign-in.
func (v *visit) rulesAsked() url.Values {
	switch {
	case v.r.Method == http.MethodPost:
		return v.r.PostForm
	case v.r.URL.Query().Has("keep"):
		return v.r.URL.Query()
	}
	return v.drafts.of(v.person().Subject, v.r.URL.Path, v.deps.Now())
}

// capture shows the rules in force and, where others were sent, what these would change. It changes nothing.
func (v *visit) capture(wrong *page.Problem) error {
	p := page.Capture{Planes: []string{"control", "agent", "network"}, Problem: wrong, Write: v.may(access.WriteSettings), Records: v.may(access.ReadRecords)}
	for _, s := range audit.Sources() {
		p.Sources = append(p.Sources, string(s))
	}
	for _, s := range audit.Surfaces() {
		p.Surfaces = append(p.Surfaces, string(s))
	}
	var now capture.Config
	if v.deps.Capture != nil {
		now = v.deps.Capture.Rules()
		var closed error
		if p.File, p.Version, closed = v.deps.Capture.File(); closed != nil {
			p.Closed = closed.Error()
		}
	} else {
		p.Closed = "this console runs without a configuration"
	}
	p.InForce = strings.Split(strings.TrimSpace(now.Words()), "\n")
	p.Written = v.r.Method == http.MethodGet && v.r.URL.Query().Get("written") == "yes"
	edited := now
	if asked := v.rulesAsked(); asked.Has("keep") {
		var err error
		if edited, err = rulesOf(asked); err != nil {
			return err
		}
		if err := v.wouldChange(&p, now, edited); err != nil {
			return err
		}
	}
	for i, r := range edited.Rules {
		p.Rules = append(p.Rules, ruleRow(i+1, &r))
	}
	p.Sent = p.Rules
	for range 2 {
		p.Rules = append(p.Rules, page.CaptureRule{Number: len(p.Rules) + 1})
	}
	return v.print("capture", v.frame("What is kept", "settings", v.cli("policy", "capture", "list")), &p)
}

// wouldChange says what other rules would change, and for whom.
func (v *visit) wouldChange(p *page.Capture, now, edited capture.Config) (err error) {
	p.Edited, p.Account = true, v.accountAsked()
	if p.Wrong = wrongRules(edited); len(p.Wrong) > 0 {
		return nil
	}
	p.Diff = diffLines(now.Words(), edited.Words())
	for _, s := range audit.Sources() {
		if s != audit.SourceTripod && edited.Differs(now, s) {
			p.Affected = page.AddChange(p.Affected, string(s), now.Of(s), edited.Of(s))
		}
	}
	if v.deps.Capture != nil {
		if p.YAML, err = v.deps.Capture.YAML(edited); err != nil {
			return err
		}
	}
	if !p.Records {
		return nil
	}
	p.ConcernProblem = v.part(v.fillConcerned(p, now, edited))
	return nil
}

// Bounds of what the editor says about accounts.
const mostNamed = 12

// fillConcerned says which accounts the directory lists in the groups that rules come or go for, and what is kept of one
// account.
func (v *visit) fillConcerned(p *page.Capture, now, edited capture.Config) error {
	groups := make(map[string]bool)
	for _, l := range []struct{ some, other capture.Config }{{now, edited}, {edited, now}} {
		for i := range l.some.Rules {
			one := capture.Config{Rules: l.some.Rules[i : i+1]}
			if one.Beside(l.other) > 0 {
				for _, g := range l.some.Rules[i].Group {
					groups[g] = true
				}
			}
		}
	}
	if len(groups) == 0 && p.Account == "" {
		return nil
	}
	ctx := v.r.Context()
	view, err := v.deps.Reader.Organisation(ctx)
	if err != nil {
		return err
	}
	all, err := view.Accounts(ctx, organisation.Filter{})
	if err != nil {
		return err
	}
	for _, g := range slices.Sorted(maps.Keys(groups)) {
		c := page.Concerned{Group: g}
		for i := range all.List {
			if slices.Contains(all.List[i].Groups, g) {
				if c.N++; len(c.Names) < mostNamed {
					c.Names = append(c.Names, all.List[i].Name)
				}
			}
		}
		p.Groups = append(p.Groups, c)
	}
	if p.Account == "" {
		return nil
	}
	a, _, err := view.Account(ctx, p.Account)
	if err != nil {
		return err
	}
	asked := capture.Asked{}
	if a != nil {
		p.Known, asked.Directory = a.Name, a.Groups
	}
	for _, s := range audit.Sources() {
		if asked.Source = s; s != audit.SourceTripod {
			was, is := now.Explain(asked), edited.Explain(asked)
			p.OfAccount = page.AddChange(p.OfAccount, string(s), was.Sentence(), is.Sentence())
		}
	}
	return nil
}

// writeCapture writes the rules to the configuration file.
func (v *visit) writeCapture() (string, error) {
	if v.deps.Capture == nil {
		return "", &problem{status: http.StatusServiceUnavailable, code: "unavailable", heading: "Not written", text: "This console runs without a configuration."}
	}
	rules, err := rulesOf(v.r.PostForm)
	if err != nil {
		return "", err
	}
	if wrong := wrongRules(rules); len(wrong) > 0 {
		return "", invalid(strings.Join(wrong, "; "))
	}
	err = v.deps.Capture.Write(v.r.Context(), v.person(), v.field("version"), rules)
	var stale *StaleError
	var closed *ClosedError
	var not *InvalidError
	switch {
	case err == nil:
		return capturePage + "?written=yes", nil
	case errors.As(err, &stale):
		return "", staleProblem(stale, v.deps.Capture.Rules())
	case errors.As(err, &closed):
		v.deps.Logger.WarnContext(v.r.Context(), "the capture policy was not written", "reason", closed.Reason)
		return "", &problem{status: http.StatusConflict, code: "over", heading: "Not written", text: sentence(closed.Reason) + " Nothing has changed.", advice: "Put the section below into the file by hand."}
	case errors.As(err, &not):
		return "", &problem{status: http.StatusBadRequest, code: "invalid", heading: "Not written", text: "The whole configuration would not stand: " + strings.ReplaceAll(not.Reason.Error(), "\n", "; ") + "."}
	}
	return "", unrecorded(err)
}

// staleProblem says what was changed meanwhile.
func staleProblem(e *StaleError, now capture.Config) *problem {
	p := &problem{status: http.StatusConflict, code: "over", heading: "Not written: the file was changed meanwhile"}
	switch {
	case e.InForce:
		p.text = "Somebody else's change is in force since this page was opened."
		p.advice = "Look at what would change now, below, and write it if that is still right."
	case e.Unreadable != nil:
		p.text = fmt.Sprintf("%s holds what cannot be taken over: %s.", e.File, strings.ReplaceAll(e.Unreadable.Error(), "\n", "; "))
		p.advice = "Mend the file and have it read again (SIGHUP); then write the rules."
	default:
		p.text = fmt.Sprintf("%s was changed since Tripod last read it (%s).", e.File, cmp.Or(strings.Join(e.Settings, ", "), "comments or order alone"))
		if e.Rules != nil && e.Rules.Digest() != now.Digest() {
			came, went := e.Rules.Beside(now), now.Beside(*e.Rules)
			p.text += fmt.Sprintf(" Its capture rules are others than those in force: %s came, %s went.", page.Plural(int64(came), "rule"), page.Plural(int64(went), "rule"))
		}
		p.advice = "Have the file read again (SIGHUP), or put it back; then write the rules."
	}
	return p
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
