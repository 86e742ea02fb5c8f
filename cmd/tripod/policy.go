package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/policy"
)

type policyCommand struct {
	Test      policyTestCommand      `cmd:"" help:"Run the cases in and beside rule files."`
	Check     policyCheckCommand     `cmd:"" help:"Say what policy answers to a text, an event or a Messages request."`
	Explain   policyExplainCommand   `cmd:"" help:"Explain a verdict that is on record: which rule, which version, what an exception takes."`
	Rules     policyRulesCommand     `cmd:"" help:"List the rules in their order."`
	Detectors policyDetectorsCommand `cmd:"" help:"List what is found in text."`
	Capture   policyCaptureCommand   `cmd:"" help:"List and explain the rules that say what content is kept."`
}

// policyFlags say which rules are meant.
type policyFlags struct {
	Config    string   `short:"c" help:"Configuration file whose section policy is meant; without one, the defaults." placeholder:"FILE"`
	Rules     []string `help:"Rule files, instead of those the configuration names." placeholder:"FILE"`
	NoStarter bool     `help:"Leave out the rules that come with Tripod."`
}

// policy is the configuration that is meant.
func (f *policyFlags) policy() (policy.Config, error) {
	cfg := config.Default()
	if f.Config != "" {
		var err error
		if cfg, err = config.Load(f.Config); err != nil {
			return cfg.Policy, err
		}
	}
	if len(f.Rules) > 0 {
		cfg.Policy.Files = f.Rules
	}
	if f.NoStarter {
		cfg.Policy.Starter = false
	}
	return cfg.Policy, nil
}

// engine compiles the rules that are meant. Rules that are refused are found wanting.
func (f *policyFlags) engine() (*policy.Engine, policy.Config, error) {
	cfg, err := f.policy()
	if err != nil {
		return nil, cfg, err
	}
	e, err := policy.New(cfg, policy.Deps{})
	if err != nil {
		return nil, cfg, refused(err)
	}
	return e, cfg, nil
}

// refused is the error of rules that cannot be used: what cannot be read is out of reach, what is wrong is found wanting.
func refused(err error) error {
	if isUnreadable(err) {
		return err
	}
	return wanting{err}
}

type policyRulesCommand struct {
	policyFlags
	JSON bool `help:"Print one JSON object a line."`
}

// toldRule is a rule with what is said of it, which is no part of its version.
type toldRule struct {
	policy.Rule
	Why    string   `json:"why,omitempty"`
	Benign []string `json:"benign,omitempty"`
}

func (c *policyRulesCommand) Run(ctx context.Context, std streams) error {
	e, _, err := c.engine()
	if err != nil {
		return err
	}
	for _, r := range e.Rules() {
		if c.JSON {
			if err := printJSON(std.out, toldRule{Rule: r, Why: r.Why, Benign: r.Benign}); err != nil {
				return err
			}
			continue
		}
		points := make([]string, len(r.Points))
		for i, p := range r.Points {
			points[i] = string(p)
		}
		held := ""
		if r.Asked != r.Mode {
			held = "  asks to " + string(r.Asked) + ", held back by policy.mode"
		}
		if _, err := fmt.Fprintf(std.out, "%-30s  %-8s %-7s %-8s  %s  (%s)%s\n", plain(r.ID), r.Severity, r.Effect, r.Mode, field1(r.Title), strings.Join(points, ", "), held); err != nil {
			return err
		}
	}
	if std.terminal {
		fmt.Fprintf(std.err, "%s, version %s, policy.mode %s\n", plural(int64(len(e.Rules())), "rule", "rules"), e.Version(), e.Mode())
	}
	return nil
}

type policyDetectorsCommand struct {
	policyFlags
	JSON bool `help:"Print one JSON object a line."`
}

func (c *policyDetectorsCommand) Run(ctx context.Context, std streams) error {
	e, _, err := c.engine()
	if err != nil {
		return err
	}
	for _, k := range e.Kinds() {
		if c.JSON {
			if err := printJSON(std.out, map[string]string{"name": k.Name(), "title": k.Title}); err != nil {
				return err
			}
			continue
		}
		if _, err := fmt.Fprintf(std.out, "%-40s  %s\n", k.Name(), k.Title); err != nil {
			return err
		}
	}
	return nil
}
