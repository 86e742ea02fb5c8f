package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/alert"
	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/config"
)

type alertCommand struct {
	List         alertListCommand         `cmd:"" help:"List alerts, the latest first."`
	Show         alertShowCommand         `cmd:"" help:"Show one alert: why it fired, whom it was told."`
	Ack          alertAckCommand          `cmd:"" help:"Say that you look into an alert."`
	Resolve      alertResolveCommand      `cmd:"" help:"Close an alert; a later firing opens it again."`
	Except       alertExceptCommand       `cmd:"" help:"Make an exception: the rule calls nobody about the same group until a time."`
	Exceptions   alertExceptionsCommand   `cmd:"" help:"List exceptions, those in force first."`
	EndException alertEndExceptionCommand `cmd:"" help:"End an exception before its time."`
}

type alertListCommand struct {
	dataFlag
	configFlag
	State    []string `help:"Only alerts in this state: open, acknowledged, excepted, resolved, quiet." placeholder:"STATE"`
	Severity string   `help:"Only alerts of this severity or above." enum:",informational,low,medium,high,critical" default:""`
	Rule     string   `help:"Only alerts of this rule." placeholder:"ID"`
	Limit    int      `help:"At most so many." default:"200"`
	JSON     bool     `help:"Print one JSON object a line."`
}

func (c *alertListCommand) Run(ctx context.Context, std streams) error {
	f := alert.Filter{Severity: alert.Severity(c.Severity), Rule: c.Rule, Limit: c.Limit}
	for _, s := range c.State {
		f.States = append(f.States, alert.State(s))
	}
	answer, err := orderAlert(ctx, c.Data, c.Config, app.AlertOrder{Do: "list", Filter: f})
	if err != nil {
		return err
	}
	if err := printAlerts(std.out, answer.Alerts, c.JSON); err != nil {
		return err
	}
	switch {
	case len(answer.Alerts) == 0 && !c.JSON:
		_, err = fmt.Fprintln(std.err, "no alerts")
	case answer.More:
		_, err = fmt.Fprintf(std.err, "the latest %d; --limit shows more\n", len(answer.Alerts))
	}
	return err
}

type alertShowCommand struct {
	dataFlag
	configFlag
	Alert string `arg:"" help:"Id of the alert."`
	JSON  bool   `help:"Print one JSON object."`
}

func (c *alertShowCommand) Run(ctx context.Context, std streams) error {
	answer, err := orderAlert(ctx, c.Data, c.Config, app.AlertOrder{Do: "show", Alert: c.Alert})
	if err != nil || len(answer.Alerts) == 0 {
		return err
	}
	if c.JSON {
		return printJSON(std.out, struct {
			alert.Alert
			Says     *alert.Rule  `json:"rule_says,omitempty"`
			Messages []alert.Sent `json:"messages,omitempty"`
		}{answer.Alerts[0], answer.Rule, answer.Messages})
	}
	return printWhole(std.out, &answer)
}

// alertStep is what the commands take that decide about an alert.
type alertStep struct {
	dataFlag
	configFlag
	Alert string `arg:"" help:"Id of the alert."`
	JSON  bool   `help:"Print one JSON object."`
}

func (c *alertStep) run(ctx context.Context, std streams, o app.AlertOrder) error {
	o.Alert = c.Alert
	answer, err := orderAlert(ctx, c.Data, c.Config, o)
	if err != nil {
		return err
	}
	return printAlerts(std.out, answer.Alerts, c.JSON)
}

type alertAckCommand struct {
	alertStep
	Note string `help:"What for; kept as content."`
}

func (c *alertAckCommand) Run(ctx context.Context, std streams) error {
	return c.run(ctx, std, app.AlertOrder{Do: "ack", Reason: c.Note})
}

type alertResolveCommand struct {
	alertStep
	Reason string `help:"What it was; kept as content." required:""`
}

func (c *alertResolveCommand) Run(ctx context.Context, std streams) error {
	return c.run(ctx, std, app.AlertOrder{Do: "resolve", Reason: c.Reason})
}

type alertExceptCommand struct {
	alertStep
	Reason string `help:"Why; kept as content." required:""`
	Until  string `help:"The first day or time without it, UTC; a year from now at most." required:"" placeholder:"2026-12-01"`
	Every  bool   `help:"Of every group of the rule, not only that of the alert."`
}

func (c *alertExceptCommand) Run(ctx context.Context, std streams) error {
	until, err := dayOrTime(c.Until)
	if err != nil {
		return usage{fmt.Errorf("alert except: %w", err)}
	}
	return c.run(ctx, std, app.AlertOrder{Do: "except", Reason: c.Reason, New: alert.NewException{Until: until, Every: c.Every}})
}

type alertExceptionsCommand struct {
	dataFlag
	configFlag
	JSON bool `help:"Print one JSON object a line."`
}

func (c *alertExceptionsCommand) Run(ctx context.Context, std streams) error {
	answer, err := orderAlert(ctx, c.Data, c.Config, app.AlertOrder{Do: "exceptions"})
	if err != nil {
		return err
	}
	now := time.Now()
	return printList(std, c.JSON, answer.Exceptions, func(x *alert.Exception) string {
		state := "over"
		if x.Live(now) {
			state = "in force"
		}
		of := "every group"
		if x.Group != "" {
			of = "the group of alert " + x.Alert
		}
		return fmt.Sprintf("%s  %s  until %s  %s  %s  by %s", x.ID, state, stampUTC(x.Until), plain(x.Rule), of, plain(x.By.Telling()))
	})
}

type alertEndExceptionCommand struct {
	dataFlag
	configFlag
	Exception string `arg:"" help:"The exception, as X-17."`
	Reason    string `help:"Why; kept as content."`
}

func (c *alertEndExceptionCommand) Run(ctx context.Context, _ streams) error {
	_, err := orderAlert(ctx, c.Data, c.Config, app.AlertOrder{Do: "end-exception", Alert: c.Exception, Reason: c.Reason})
	return err
}

// orderAlert carries an order about alerts out; a refusal by roles or rules is exit code 1.
func orderAlert(ctx context.Context, dir, file string, o app.AlertOrder) (app.AlertAnswer, error) {
	cfg := config.Default()
	if file == "" {
		file = os.Getenv("TRIPOD_CONFIG")
	}
	if file != "" {
		var err error
		if cfg, err = config.Load(file); err != nil {
			return app.AlertAnswer{}, err
		}
	}
	answer, err := app.Alert(asked(ctx, file), dir, cfg, o)
	if refused := new(app.RefusedError); errors.As(err, &refused) {
		switch refused.Status {
		case http.StatusBadRequest:
			return answer, usage{errors.New(refused.Text)}
		case http.StatusForbidden, http.StatusNotFound, http.StatusConflict:
			return answer, wanting{errors.New(refused.Text)}
		}
	}
	return answer, err
}

func printAlerts(w io.Writer, list []alert.Alert, asJSON bool) error {
	for i := range list {
		var err error
		if asJSON {
			err = printJSON(w, list[i])
		} else {
			err = printAlert(w, &list[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// printAlert prints an alert on one line.
func printAlert(w io.Writer, a *alert.Alert) error {
	times := ""
	if a.Count > 1 {
		times = fmt.Sprintf("  %d times", a.Count)
	}
	_, err := fmt.Fprintf(w, "%s  %-13s  %-12s  %s%s  %s\n", a.ID, a.Severity, a.State, stampUTC(a.At), times, plain(sentenceOf(a)))
	return err
}

func sentenceOf(a *alert.Alert) string {
	switch {
	case a.Withheld:
		return a.Title + " (tells of a case that you do not see)"
	case a.Firing != nil && a.Firing.Sentence != "":
		return a.Firing.Sentence
	case a.Title != "":
		return a.Title
	}
	return a.Rule
}

func printWhole(w io.Writer, answer *app.AlertAnswer) error {
	a, r := &answer.Alerts[0], answer.Rule
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s %s\n", name, plain(fmt.Sprintf(format, args...)))
	}
	list := func(name string, items []string) {
		for _, item := range items {
			line(name, "- %s", item)
			name = ""
		}
	}
	line("alert", "%s", a.ID)
	line("what", "%s", sentenceOf(a))
	line("severity", "%s", a.Severity)
	state := string(a.State) + " since " + stampUTC(a.Since)
	if a.By != nil {
		state += " by " + a.By.Telling()
	}
	line("state", "%s", state)
	line("fired", "%d times, %s to %s", a.Count, stampUTC(a.Opened), stampUTC(a.Latest))
	line("rule", "%s: %s", a.Rule, r.Title)
	if f := a.Firing; f != nil {
		line("version", "%s", f.Version)
		if f.Threshold != "" {
			line("threshold", "%s", f.Threshold)
		}
		for _, name := range slices.Sorted(maps.Keys(f.Fields)) {
			line("matched", "%s = %s", name, f.Fields[name])
		}
		line("records", "%s", strings.Trim(fmt.Sprint(f.Seqs), "[]"))
	}
	if r.Why != "" {
		line("why", "%s", r.Why)
	}
	list("harmless", r.Benign)
	list("respond", r.Respond)
	for _, m := range answer.Messages {
		what := "waits"
		switch {
		case !m.Sent.IsZero():
			what = "sent " + stampUTC(m.Sent)
		case !m.GivenUp.IsZero():
			what = "given up " + stampUTC(m.GivenUp)
		}
		if m.Error != "" {
			what += ": " + m.Error
		}
		line("told", "%s, %s: %s", m.Channel, m.Event, what)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
