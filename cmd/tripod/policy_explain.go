package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/policy"
	"github.com/tripod-audit/tripod/internal/reading"
)

type policyExplainCommand struct {
	dataFlag
	policyFlags
	Seq  position `arg:"" help:"Position of a verdict, or of any record of an exchange that has verdicts." placeholder:"RECORD"`
	JSON bool     `help:"Print one JSON object for each verdict."`
}

// explained is one verdict on record, beside the rules as they are now.
type explained struct {
	Seq      uint64        `json:"seq"`
	At       time.Time     `json:"at"`
	Rule     string        `json:"rule,omitempty"`
	Effect   string        `json:"effect"`
	Mode     string        `json:"mode,omitempty"`
	Outcome  audit.Outcome `json:"outcome"`
	Severity string        `json:"severity,omitempty"`
	Point    string        `json:"point"`
	Block    string        `json:"block,omitempty"`
	Findings string        `json:"findings,omitempty"`
	Excepted string        `json:"exception,omitempty"`
	Failed   string        `json:"failed,omitempty"`
	RuleSet  string        `json:"rule_set"`
	// InForce says whether the rules read here are the version that judged.
	InForce bool `json:"in_force"`
	// Now is the rule as it reads here; absent where there is none of that id.
	Now    *policy.Rule `json:"rule_now,omitempty"`
	Why    string       `json:"why,omitempty"`
	Benign []string     `json:"benign,omitempty"`
}

// mostOfSession bounds how many records of a session are looked through for verdicts of an exchange.
const mostOfSession = 5000

func (c *policyExplainCommand) Run(ctx context.Context, std streams) (err error) {
	e, _, err := c.engine()
	if err != nil {
		return err
	}
	r, err := app.OpenReading(ctx, c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	item, err := r.Record(ctx, uint64(c.Seq))
	if errors.Is(err, journal.ErrNotFound) {
		return wanting{err}
	}
	if err != nil {
		return err
	}
	if item.Record == nil {
		return wanting{fmt.Errorf("record %d was %s and says nothing any more", c.Seq, item.Tombstone.Reason)}
	}
	verdicts, err := verdictsOf(ctx, r, item)
	if err != nil {
		return err
	}
	if len(verdicts) == 0 {
		return wanting{fmt.Errorf("record %d is no verdict, and no verdict of its exchange is on record", c.Seq)}
	}
	for _, v := range verdicts {
		x := explain(v, e)
		if c.JSON {
			err = printJSON(std.out, x)
		} else {
			err = x.print(std)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// isVerdict reports whether a record is one of policy's answers.
func isVerdict(r *audit.Record) bool {
	return r.Source.Plane() == audit.PlaneNetwork && attribute(r, "rule_set") != ""
}

// verdictsOf is the record itself, or the verdicts of the exchange it belongs to.
func verdictsOf(ctx context.Context, r *app.Reading, item *reading.Item) ([]*reading.Item, error) {
	if isVerdict(item.Record) {
		return []*reading.Item{item}, nil
	}
	keys := &item.Record.Keys
	if keys.Session == "" || keys.Body == "" {
		return nil, nil
	}
	session, err := r.SessionUpTo(ctx, keys.Session, mostOfSession)
	if err != nil {
		return nil, err
	}
	var list []*reading.Item
	for i := range session.Items {
		if rec := session.Items[i].Record; rec != nil && rec.Keys.Body == keys.Body && isVerdict(rec) {
			list = append(list, &session.Items[i])
		}
	}
	return list, nil
}

// attribute is the text of an attribute, "" where there is none.
func attribute(r *audit.Record, name string) string {
	i := slices.IndexFunc(r.Attributes, func(a audit.Attr) bool { return a.Name == name })
	if i < 0 {
		return ""
	}
	return r.Attributes[i].Value.Text()
}

func explain(item *reading.Item, e *policy.Engine) *explained {
	r := item.Record
	x := &explained{
		Seq: item.Seq, At: r.Occurred, Rule: r.Rule, Effect: attribute(r, "effect"), Mode: attribute(r, "mode"), Outcome: r.Outcome,
		Severity: attribute(r, "severity"), Point: attribute(r, "point"), Block: attribute(r, "block"), Findings: attribute(r, "findings"),
		Excepted: attribute(r, "exception"), Failed: attribute(r, "failed"), RuleSet: attribute(r, "rule_set"),
	}
	x.InForce = x.RuleSet == e.Version()
	rules := e.Rules()
	if i := slices.IndexFunc(rules, func(now policy.Rule) bool { return now.ID == r.Rule }); i >= 0 {
		x.Now, x.Why, x.Benign = &rules[i], rules[i].Why, rules[i].Benign
	}
	return x
}

func (x *explained) print(std streams) error {
	var b strings.Builder
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%-11s %s\n", name, plain(text))
		}
	}
	fmt.Fprintf(&b, "record %d, %s\n", x.Seq, stampUTC(x.At))
	line("rule", x.Rule)
	if x.Now != nil {
		line("", x.Now.Title)
		line("why", x.Why)
		line("may be", strings.Join(x.Benign, "; "))
	}
	line("answer", x.answer())
	line("at", strings.TrimSuffix(x.Point+", "+x.Block, ", "))
	line("findings", x.Findings)
	line("excepted", x.Excepted)
	line("not judged", x.Failed)
	line("rules", x.version())
	if x.Now != nil {
		line("now", fmt.Sprintf("%s, %s, %s; the user is told: %s", x.Now.Effect, x.Now.Mode, x.Now.Severity, x.Now.Message))
		line("owner", x.Now.Owner)
		line("references", strings.Join(slices.Concat(x.Now.Controls, x.Now.Techniques), ", "))
		line("to except", fmt.Sprintf("overrides: [{rule: %s, exceptions: [{who: {credentials: [NAME]}, reason: WHY, approved_by: WHO, until: DAY}]}]", x.Rule))
	}
	_, err := fmt.Fprintln(std.out, b.String())
	return err
}

// answer says what was answered and what became of it.
func (x *explained) answer() string {
	text := x.Effect
	if x.Severity != "" {
		text += ", severity " + x.Severity
	}
	switch {
	case x.Outcome == audit.OutcomeDenied:
		return text + ": it was stopped"
	case x.Excepted != "":
		return text + ": nothing was done, for an exception holds"
	case x.Mode == string(policy.Observe):
		return text + ": recorded, nothing was done, since the rule observed"
	}
	return text
}

// version says how the rules that judged stand to those that are read here.
func (x *explained) version() string {
	switch {
	case x.InForce:
		return x.RuleSet + ", the same as those read here"
	case x.Now == nil && x.Rule != "":
		return x.RuleSet + ", others than those read here, which have no such rule"
	}
	return x.RuleSet + ", others than those read here; the rule may have read otherwise"
}
