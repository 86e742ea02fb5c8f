package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/detect"
	"github.com/tripod-audit/tripod/internal/detect/rules"
	"github.com/tripod-audit/tripod/internal/detect/sigma"
)

type rulesCommand struct {
	List   rulesListCommand   `cmd:"" help:"List the detections."`
	Show   rulesShowCommand   `cmd:"" help:"Show one detection: why it matters, what else it can be, what to do."`
	Test   rulesTestCommand   `cmd:"" help:"Check rule files and run their cases."`
	Replay rulesReplayCommand `cmd:"" help:"Count how often detections would have fired, day by day."`
}

// rulesFlags say which detections are meant.
type rulesFlags struct {
	Config string `short:"c" help:"Configuration file whose section detect is meant; without one, the defaults." placeholder:"FILE"`
}

func (f *rulesFlags) section() (detect.Config, error) {
	if f.Config == "" {
		return config.Default().Detect, nil
	}
	cfg, err := config.Load(f.Config)
	return cfg.Detect, err
}

func (f *rulesFlags) load() (*rules.Rules, error) {
	cfg, err := f.section()
	if err != nil {
		return nil, err
	}
	r, err := rules.Load(cfg)
	if err != nil {
		return nil, refused(err)
	}
	return r, nil
}

// toldDetection is a detection as --json has it.
type toldDetection struct {
	ID          string      `json:"id"`
	Name        string      `json:"name,omitempty"`
	Title       string      `json:"title"`
	Level       sigma.Level `json:"level"`
	Disabled    bool        `json:"disabled,omitempty"`
	Version     string      `json:"version"`
	File        string      `json:"file"`
	Description string      `json:"description,omitempty"`
	Why         string      `json:"why,omitempty"`
	Benign      []string    `json:"benign,omitempty"`
	Respond     []string    `json:"respond,omitempty"`
	Sources     []string    `json:"sources,omitempty"`
	Controls    []string    `json:"controls,omitempty"`
	Tags        []string    `json:"tags,omitempty"`
	References  []string    `json:"references,omitempty"`
}

func told(h *sigma.Head, r *rules.Rules) toldDetection {
	return toldDetection{
		ID: h.Ref(), Name: h.Name, Title: h.Title, Level: h.Level, Disabled: r.Disabled[h.Ref()], Version: h.Version, File: h.File, Description: h.Description,
		Why: h.Tripod.Why, Benign: h.Tripod.Benign, Respond: h.Tripod.Respond, Sources: h.Tripod.Sources, Controls: h.Tripod.Controls, Tags: h.Tags, References: h.References,
	}
}

type rulesListCommand struct {
	rulesFlags
	JSON bool `help:"Print one JSON object a line."`
}

func (c *rulesListCommand) Run(std streams) error {
	r, err := c.load()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	for _, h := range r.Alone() {
		if c.JSON {
			if err := printJSON(std.out, told(h, r)); err != nil {
				return err
			}
			continue
		}
		level, name := string(h.Level), h.Name
		if r.Disabled[h.Ref()] {
			level = "disabled"
		}
		if name == "" {
			name = h.Ref()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", plain(name), level, plain(h.Title))
	}
	return w.Flush()
}

type rulesShowCommand struct {
	rulesFlags
	ID   string `arg:"" help:"Id or name of a detection." placeholder:"ID"`
	JSON bool   `help:"Print one JSON object."`
}

func (c *rulesShowCommand) Run(std streams) error {
	r, err := c.load()
	if err != nil {
		return err
	}
	h, err := r.Find(c.ID)
	if err != nil {
		return wanting{err}
	}
	t := told(h, r)
	if c.JSON {
		return printJSON(std.out, t)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s)\n", plain(t.Title), t.Level)
	if t.Disabled {
		b.WriteString("disabled by the configuration\n")
	}
	for _, line := range []struct {
		name string
		list []string
	}{
		{"id", []string{t.ID}}, {"name", []string{t.Name}}, {"version", []string{t.Version}}, {"file", []string{t.File}}, {"why", []string{t.Why}}, {"without harm", t.Benign},
		{"what to do", t.Respond}, {"sources", t.Sources}, {"evidence for", t.Controls}, {"tags", t.Tags}, {"references", t.References},
	} {
		for i, text := range line.list {
			if i > 0 {
				line.name = ""
			}
			if text != "" {
				fmt.Fprintf(&b, "%-13s %s\n", line.name, plain(text))
			}
		}
	}
	_, err = fmt.Fprint(std.out, b.String())
	return err
}

type rulesReplayCommand struct {
	dataFlag
	rulesFlags
	Rule string    `arg:"" optional:"" help:"Only this detection, by id or name." placeholder:"RULE"`
	From time.Time `help:"From this day on, UTC." format:"2006-01-02" placeholder:"2026-11-01"`
	To   time.Time `help:"Up to this day, which is not counted, UTC." format:"2006-01-02" placeholder:"2026-12-01"`
	JSON bool      `help:"Print one JSON object a line."`
}

func (c *rulesReplayCommand) Run(ctx context.Context, std streams) error {
	cfg, err := c.section()
	if err != nil {
		return err
	}
	if !c.To.IsZero() && !c.From.Before(c.To) {
		return usage{errors.New("--from is not before --to")}
	}
	r, err := c.load()
	if err != nil {
		return err
	}
	only := ""
	if c.Rule != "" {
		h, err := r.Find(c.Rule)
		if err != nil {
			return wanting{err}
		}
		only = h.Ref()
	}
	days, err := app.ReplayRules(ctx, c.Data, detect.Options{Rules: r.Set, Limits: cfg.Limits}, c.From, c.To, progress(std, "replayed"))
	if err != nil {
		return err
	}
	for _, d := range days {
		if only != "" && d.Rule != only {
			continue
		}
		if c.JSON {
			err = printJSON(std.out, d)
		} else {
			_, err = fmt.Fprintf(std.out, "%s  %6d  %s\n", d.Day.Format(time.DateOnly), d.Count, plain(nameOf(r, d.Rule)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func nameOf(r *rules.Rules, ref string) string {
	if h, err := r.Find(ref); err == nil && h.Name != "" {
		return h.Name
	}
	return ref
}

type rulesTestCommand struct {
	rulesFlags
	Files []string `arg:"" optional:"" help:"Rule files, or files of cases (NAME.test.yaml); without any, the cases that come with Tripod." placeholder:"FILE"`
}

func (c *rulesTestCommand) Run(ctx context.Context, std streams) error {
	cfg, err := c.section()
	if err != nil {
		return err
	}
	cfg.Disabled = nil // cases say what a rule does
	r, err := rules.Load(cfg)
	if err != nil {
		return refused(err)
	}
	cases, err := rules.ShippedCases()
	if err != nil {
		return err
	}
	if len(c.Files) > 0 {
		if r, cases, err = c.read(r, cfg); err != nil {
			return err
		}
	}
	wrong := 0
	for i := range cases {
		problem, err := cases[i].Run(ctx, r)
		if err != nil {
			problem = err.Error()
		}
		if problem != "" {
			wrong++
			fmt.Fprintf(std.out, "%s: %q: %s\n", plain(cases[i].Rule), cases[i].Name, plain(problem))
		}
	}
	if wrong > 0 {
		return wanting{fmt.Errorf("%d of %d cases went otherwise", wrong, len(cases))}
	}
	_, err = fmt.Fprintf(std.out, "ok: %d cases\n", len(cases))
	return err
}

// read reads the files named, and the cases beside rule files.
func (c *rulesTestCommand) read(r *rules.Rules, cfg detect.Config) (*rules.Rules, []rules.Case, error) {
	docs, seen, files := r.Documents, map[string]bool{}, c.Files
	for _, f := range c.Files {
		beside := strings.TrimSuffix(strings.TrimSuffix(f, ".yaml"), ".yml") + ".test.yaml"
		if _, err := os.Stat(beside); err == nil && rules.IsRules(f) {
			files = append(files[:len(files):len(files)], beside)
		}
	}
	var cases []rules.Case
	var errs []error
	for _, f := range files {
		b, err := os.ReadFile(f)
		switch {
		case err != nil:
			return nil, nil, err
		case seen[f]:
		case rules.IsCases(f):
			list, err := rules.ParseCases(f, b)
			cases, errs = append(cases, list...), append(errs, err)
		default:
			list, err := sigma.Parse(f, b)
			docs, errs = append(docs, list...), append(errs, err)
		}
		seen[f] = true
	}
	if err := errors.Join(errs...); err != nil {
		return nil, nil, wanting{err}
	}
	r, err := rules.With(docs, cfg)
	if err != nil {
		return nil, nil, wanting{err}
	}
	return r, cases, nil
}
