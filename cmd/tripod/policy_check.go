package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/enforce/llmgateway"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
	"github.com/tripod-audit/tripod/internal/policy"
)

type policyCheckCommand struct {
	policyFlags
	File    string       `arg:"" help:"Text, an event as JSON, a tool call as JSON ({name, input}) or a Messages request; - reads standard input." placeholder:"FILE|-"`
	As      string       `help:"What it is: text, event or request; it is seen from the input where nothing is said." enum:",text,event,request" default:"" placeholder:"KIND"`
	Point   policy.Point `help:"Where a text is judged: prompt, response, tool_result …" default:"prompt" placeholder:"POINT"`
	Show    bool         `help:"Show what the detectors found. It may be a secret."`
	Enforce bool         `help:"As if policy.mode were enforce."`
	JSON    bool         `help:"Print one JSON object for each thing judged."`
}

// largestInput is how many bytes policy check reads: the API takes 32 MB.
const largestInput = 32 << 20

// checked is one thing that was judged.
type checked struct {
	Where   string         `json:"where,omitempty"` // block of a request
	Point   policy.Point   `json:"point"`
	Effect  policy.Effect  `json:"effect"`
	Rule    string         `json:"rule,omitempty"`
	Message string         `json:"message,omitempty"`
	Failed  string         `json:"failed,omitempty"`
	RuleSet string         `json:"rule_set"`
	Matches []checkedMatch `json:"matches"`
	event   policy.Event
}

type checkedMatch struct {
	Rule      string           `json:"rule"`
	Effect    policy.Effect    `json:"effect"`
	Mode      policy.Mode      `json:"mode"`
	Severity  string           `json:"severity"`
	Exception string           `json:"exception,omitempty"`
	Findings  []checkedFinding `json:"findings,omitempty"`
}

// checkedFinding is where something was found, in bytes of the text that was judged; never what, unless asked for.
type checkedFinding struct {
	Kind  string `json:"kind"`
	Start int    `json:"start"`
	End   int    `json:"end"`
	Text  string `json:"text,omitempty"`
}

func (c *policyCheckCommand) Run(ctx context.Context, std streams) error {
	cfg, err := c.policy()
	if err != nil {
		return err
	}
	if c.Enforce {
		cfg.Mode = policy.Enforce
	}
	e, err := policy.New(cfg, policy.Deps{})
	if err != nil {
		return refused(err)
	}
	input, err := c.read(std)
	if err != nil {
		return err
	}
	list, err := c.events(input)
	if err != nil {
		return err
	}
	for i := range list {
		if !slices.Contains(policy.Points(), list[i].Point) {
			return usage{fmt.Errorf("there is no point %q: want one of %v", list[i].Point, policy.Points())}
		}
	}
	for i := range list {
		list[i].judge(ctx, e, c.Show)
		if err := c.print(std, &list[i]); err != nil {
			return err
		}
	}
	return nil
}

func (c *policyCheckCommand) read(std streams) (b []byte, err error) {
	from := std.in
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	if b, err = io.ReadAll(io.LimitReader(from, largestInput+1)); err != nil {
		return nil, fmt.Errorf("read %s: %w", c.File, err)
	}
	if len(b) > largestInput {
		return nil, fmt.Errorf("read %s: more than %d bytes", c.File, largestInput)
	}
	return b, nil
}

// events makes of the input what is judged.
func (c *policyCheckCommand) events(input []byte) ([]checked, error) {
	switch c.kind(input) {
	case "request":
		return requestEvents(input)
	case "event":
		return jsonEvent(input)
	}
	return []checked{{Point: c.Point, event: policy.Event{Point: c.Point, Kind: "text", Text: string(input), At: time.Now()}}}, nil
}

// kind sees from the names at the top of a JSON object what it is.
func (c *policyCheckCommand) kind(input []byte) string {
	if c.As != "" {
		return c.As
	}
	var top map[string]json.RawMessage
	if trimmed := bytes.TrimSpace(input); len(trimmed) == 0 || trimmed[0] != '{' || json.Unmarshal(trimmed, &top) != nil {
		return "text"
	}
	switch {
	case top["messages"] != nil:
		return "request"
	case top["point"] != nil || top["tool"] != nil || top["name"] != nil && top["input"] != nil:
		return "event"
	}
	return "text"
}

// jsonEvent reads an event, or a tool call as it stands in an answer of the API.
func jsonEvent(input []byte) ([]checked, error) {
	var in struct {
		policy.CaseEvent
		Args  json.RawMessage `json:"args"`
		Name  string          `json:"name"`
		Input json.RawMessage `json:"input"`
	}
	dec := json.NewDecoder(bytes.NewReader(input))
	if err := dec.Decode(&in); err != nil {
		return nil, usage{fmt.Errorf("the event cannot be read: %w", err)}
	}
	ev, err := in.Event()
	if err != nil {
		return nil, usage{err}
	}
	ev.Arguments = in.Args
	if in.At.IsZero() {
		ev.At = time.Now()
	}
	if in.Name != "" {
		ev.Tool, ev.Arguments = in.Name, in.Input
	}
	if ev.Point == "" && ev.Tool != "" {
		ev.Point = policy.PointToolCall
	}
	if ev.Point == "" {
		return nil, usage{errors.New("the event has no point")}
	}
	return []checked{{Point: ev.Point, event: ev}}, nil
}

// requestEvents are the blocks of a Messages request that a gateway judges.
func requestEvents(body []byte) ([]checked, error) {
	req, err := messages.Read(body)
	if err != nil {
		return nil, wanting{fmt.Errorf("no request that everybody reads alike: %w", err)}
	}
	var list []checked
	base := policy.Event{Model: req.Model, Capabilities: req.Capabilities, At: time.Now()}
	for i := range req.Blocks {
		b := &req.Blocks[i]
		ev, judged := llmgateway.Ask(base, b)
		if !judged {
			continue
		}
		where := fmt.Sprintf("%s[%d]", b.Part, b.Index)
		if b.Part == messages.Message {
			where = fmt.Sprintf("messages[%d].content[%d]", b.Message, b.Index)
		}
		list = append(list, checked{Where: where, Point: ev.Point, event: ev})
	}
	return list, nil
}

func (k *checked) judge(ctx context.Context, e *policy.Engine, show bool) {
	v := e.Evaluate(ctx, k.event)
	k.Effect, k.Rule, k.Message, k.RuleSet, k.Matches = v.Effect, v.Rule, v.Message, v.RuleSet, []checkedMatch{}
	if v.Failed != nil {
		k.Failed = strings.ReplaceAll(v.Failed.Error(), "\n", "; ")
	}
	if v.Failed != nil && e.Enforces(k.Point) {
		if rows := e.Failures(); rows.Of(v.Failed) == policy.Refuse && k.Effect.Rank() < policy.Deny.Rank() {
			k.Effect, k.Message = policy.Deny, "" // as the failure table has it
		}
	}
	text := ""
	if show && len(v.Matches) > 0 {
		text = policy.TextOf(k.event)
	}
	for _, m := range v.Matches {
		match := checkedMatch{Rule: m.Rule, Effect: m.Effect, Mode: m.Mode, Severity: m.Severity, Exception: m.Exception}
		for _, f := range m.Findings {
			found := checkedFinding{Kind: f.Detector + "." + f.Kind, Start: f.Start, End: f.End}
			if show && f.End <= len(text) {
				found.Text = text[f.Start:f.End]
			}
			match.Findings = append(match.Findings, found)
		}
		k.Matches = append(k.Matches, match)
	}
}

func (c *policyCheckCommand) print(std streams, k *checked) error {
	if c.JSON {
		return printJSON(std.out, k)
	}
	where := string(k.Point)
	if k.Where != "" {
		where = k.Where + ", " + where
		if len(k.Matches) == 0 && k.Failed == "" {
			return nil // of a request, what matches is enough
		}
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s", plain(where), k.Effect)
	if k.Rule != "" {
		text.WriteString(" by " + plain(k.Rule))
	}
	if k.Message != "" {
		fmt.Fprintf(&text, ", with the words: %s", plain(k.Message))
	}
	if would := k.would(); would != "" {
		fmt.Fprintf(&text, "; a rule that observes would %s", would)
	}
	if k.Failed != "" {
		text.WriteString("; not judged wholly: " + plain(k.Failed))
	}
	for _, m := range k.Matches {
		m.print(&text)
	}
	_, err := fmt.Fprintln(std.out, text.String())
	return err
}

// would is the strongest effect that a rule would have had if it did not observe; "" where none is stronger than what is done.
func (k *checked) would() (effect policy.Effect) {
	most := max(k.Effect.Rank(), policy.Flag.Rank())
	for _, m := range k.Matches {
		if m.Mode == policy.Observe && m.Exception == "" && m.Effect.Rank() > most {
			most, effect = m.Effect.Rank(), m.Effect
		}
	}
	return effect
}

// mostPrinted is how many findings of a rule are printed one by one; --json has all.
const mostPrinted = 100

func (m *checkedMatch) print(text *strings.Builder) {
	fmt.Fprintf(text, "\n  %s (%s, %s, %s)", plain(m.Rule), m.Effect, m.Mode, m.Severity)
	if m.Exception != "" {
		text.WriteString(", excepted: " + plain(m.Exception))
	}
	for i, f := range m.Findings {
		if i == mostPrinted {
			fmt.Fprintf(text, "\n    and %d more", len(m.Findings)-i)
			break
		}
		fmt.Fprintf(text, "\n    %s at %d to %d", f.Kind, f.Start, f.End)
		if f.Text != "" {
			text.WriteString(": " + plain(f.Text))
		}
	}
}
