package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/organisation"
)

type policyCaptureCommand struct {
	List    captureListCommand    `cmd:"" help:"List the rules that say what content is kept, in their order."`
	Explain captureExplainCommand `cmd:"" help:"Say what is kept of an account's content, by source, and which rule says so."`
}

// captureFlags say which capture policy is meant.
type captureFlags struct {
	Config string `short:"c" help:"Configuration file whose section capture is meant; without one, what holds out of the box." placeholder:"FILE"`
	JSON   bool   `help:"Print one JSON object a line."`
}

// rules are the capture policy that is meant, and the line of the file at which each rule stands.
func (f *captureFlags) rules() (capture.Config, []int, error) {
	if f.Config == "" {
		return config.Default().Capture, nil, nil
	}
	cfg, err := config.Load(f.Config)
	if err != nil {
		return cfg.Capture, nil, err
	}
	if err := cfg.Capture.Validate(); err != nil {
		return cfg.Capture, nil, wanting{err}
	}
	lines, err := config.CaptureLines(f.Config)
	return cfg.Capture, lines, err
}

// at says where a rule stands; "" where that is not known.
func (f *captureFlags) at(rule int, lines []int) string {
	if rule < 1 || rule > len(lines) {
		return ""
	}
	return fmt.Sprintf("%s:%d", f.Config, lines[rule-1])
}

type captureListCommand struct{ captureFlags }

// listedRule is a rule of the capture policy as lists print it.
type listedRule struct {
	Rule    int             `json:"rule"` // from 1; 0 is what holds where no rule matches
	At      string          `json:"at,omitempty"`
	Source  []audit.Source  `json:"source,omitempty"`
	Plane   []audit.Plane   `json:"plane,omitempty"`
	Surface []audit.Surface `json:"surface,omitempty"`
	Group   []string        `json:"group,omitempty"`
	Token   []string        `json:"credential,omitempty"`
	Keep    audit.Class     `json:"keep"`
}

func (c *captureListCommand) Run(_ context.Context, std streams) error {
	cfg, lines, err := c.rules()
	if err != nil {
		return err
	}
	for i, r := range cfg.Rules {
		at := c.at(i+1, lines)
		if c.JSON {
			err = printJSON(std.out, listedRule{i + 1, at, r.Source, r.Plane, r.Surface, r.Group, r.Credential, r.Keep})
		} else {
			_, err = fmt.Fprintf(std.out, "%3d  %s  %s\n", i+1, plain(r.String()), plain(at))
		}
		if err != nil {
			return err
		}
	}
	control, rest := []audit.Plane{audit.PlaneControl}, []audit.Plane{audit.PlaneAgent, audit.PlaneNetwork}
	if c.JSON {
		if err := printJSON(std.out, listedRule{Plane: control, Keep: audit.ClassMetadata}); err != nil {
			return err
		}
		return printJSON(std.out, listedRule{Plane: rest, Keep: audit.ClassDetail})
	}
	_, err = fmt.Fprintf(std.out, "else plane control: keep metadata\nelse plane agent or network: keep detail\n")
	return err
}

type captureExplainCommand struct {
	dataFlag
	captureFlags
	Account    string   `arg:"" help:"The account: an address, or any id it ever had."`
	Source     string   `help:"Of this source alone." placeholder:"SOURCE"`
	Surface    string   `help:"Of this surface alone." placeholder:"SURFACE"`
	Group      []string `help:"The groups its records carry; without it, that is not known." placeholder:"GROUP"`
	Credential string   `help:"Delivered by this credential." placeholder:"NAME"`
}

// captureTold is what is kept of one source of an account.
type captureTold struct {
	Account string `json:"account"`
	capture.Explanation
	At string `json:"at,omitempty"` // file and line of the rule
}

func (c *captureExplainCommand) Run(ctx context.Context, std streams) error {
	cfg, lines, err := c.rules()
	if err != nil {
		return err
	}
	sources := audit.Sources()
	if c.Source != "" {
		if sources = []audit.Source{audit.Source(c.Source)}; sources[0].Plane() == "" {
			return usage{fmt.Errorf("--source: %q is not a source", c.Source)}
		}
	}
	name, groups, err := c.directory(ctx, std)
	if err != nil {
		return err
	}
	for _, s := range sources {
		if s == audit.SourceTripod && c.Source == "" {
			continue
		}
		e := cfg.Explain(capture.Asked{Source: s, Surface: audit.Surface(c.Surface), Credential: c.Credential, Groups: c.Group, Directory: groups})
		if c.JSON {
			err = printJSON(std.out, captureTold{name, e, c.at(e.Rule, lines)})
		} else {
			err = c.print(std, &e, lines)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *captureExplainCommand) print(std streams, e *capture.Explanation, lines []int) error {
	where := func(rule int) string {
		if at := c.at(rule, lines); at != "" {
			return " (" + plain(at) + ")"
		}
		return ""
	}
	for _, u := range e.Unless {
		if _, err := fmt.Fprintf(std.out, "%-22s %-8s  if %s: rule %d%s\n", e.Source, u.Keep, plain(u.If), u.Rule, where(u.Rule)); err != nil {
			return err
		}
	}
	why := plain(e.Why)
	if len(e.Unless) > 0 {
		why = "else: " + why
	}
	_, err := fmt.Fprintf(std.out, "%-22s %-8s  %s%s\n", e.Source, e.Keep, why, where(e.Rule))
	return err
}

// directory finds the account in the view of the organisation: its name, and the groups in which the directory lists it.
// Without a data directory the account is what was given.
func (c *captureExplainCommand) directory(ctx context.Context, std streams) (name string, groups []string, err error) {
	r, err := app.OpenReading(ctx, c.Data)
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(std.err, "tripod: no journal in %s: the groups of the directory are not known\n", plain(c.Data))
		return c.Account, nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	view, err := r.Organisation(ctx)
	if err != nil {
		return "", nil, err
	}
	var account *organisation.Account
	if account, _, err = view.Account(ctx, c.Account); err != nil {
		return "", nil, err
	}
	if account == nil {
		fmt.Fprintf(std.err, "tripod: no account was ever known as %s: the groups of the directory are not known\n", plain(c.Account))
		return c.Account, nil, nil
	}
	if !c.JSON {
		listed := "no group"
		if len(account.Groups) > 0 {
			listed = "the groups " + plain(strings.Join(account.Groups, ", "))
		}
		fmt.Fprintf(std.err, "tripod: %s is listed in %s by the directory; rules go by the groups that records carry\n", plain(account.Name), listed)
	}
	return account.Name, account.Groups, nil
}
