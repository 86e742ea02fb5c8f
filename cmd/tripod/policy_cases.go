package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/tripod-audit/tripod/internal/policy"
)

type policyTestCommand struct {
	policyFlags
	Files []string `arg:"" optional:"" help:"Rule files, or files of cases (NAME.test.yaml, which belong to NAME.yaml); without any, those of the configuration." placeholder:"FILE"`
	JSON  bool     `help:"Print one JSON object."`
}

// testEnding marks files of cases.
const testEnding = ".test.yaml"

func (c *policyTestCommand) Run(ctx context.Context, std streams) error {
	cfg, err := c.policy()
	if err != nil {
		return err
	}
	var tests []string
	for _, file := range c.Files {
		if base, is := strings.CutSuffix(file, testEnding); is {
			tests = append(tests, file)
			file = base + ".yaml"
			if _, err := os.Stat(file); err != nil {
				continue // cases of rules that are named elsewhere
			}
		}
		cfg.Files = addOnce(cfg.Files, file)
	}
	for _, file := range cfg.Files {
		beside := strings.TrimSuffix(file, ".yaml") + testEnding
		if _, err := os.Stat(beside); err == nil {
			tests = addOnce(tests, beside)
		}
	}
	tested, err := policy.Test(ctx, cfg, tests)
	if err != nil {
		return refused(err)
	}
	if err := c.print(std, tested); err != nil {
		return err
	}
	if n := len(tested.Differences); n > 0 {
		return wanting{fmt.Errorf("%d of %s went otherwise", n, plural(int64(tested.Cases), "case", "cases"))}
	}
	return nil
}

func (c *policyTestCommand) print(std streams, tested *policy.Tested) error {
	if c.JSON {
		return printJSON(std.out, tested)
	}
	for _, d := range tested.Differences {
		where := d.File
		if d.Rule != "" {
			where += ": rule " + d.Rule
		}
		if _, err := fmt.Fprintf(std.out, "%s: %q: %s\n", plain(where), d.Case, plain(strings.Join(d.What, "; "))); err != nil {
			return err
		}
	}
	if len(tested.Differences) > 0 {
		return nil
	}
	text := "ok: " + plural(int64(tested.Cases), "case", "cases")
	if len(tested.Untested) > 0 {
		text += "; without a case: " + fields(tested.Untested)
	}
	_, err := fmt.Fprintln(std.out, text)
	return err
}

func addOnce(list []string, s string) []string {
	for _, have := range list {
		if have == s {
			return list
		}
	}
	return append(list, s)
}

// isUnreadable reports whether a file could not be read at all.
func isUnreadable(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path)
}
