package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/tripod-audit/tripod/internal/access"
)

// withFlags are commands that a flag makes of another one.
var withFlags = []string{"record --content", "console --revoke"}

// leaves lists every command of the command line, by its words.
func leaves(t *testing.T) []string {
	t.Helper()
	parser, err := kong.New(new(commands), kong.Name("tripod"))
	if err != nil {
		t.Fatal(err)
	}
	list := slices.Clone(withFlags)
	for _, leaf := range parser.Model.Leaves(false) {
		var words []string
		for n := leaf; n != nil && n.Type == kong.CommandNode; n = n.Parent {
			words = append([]string{n.Name}, words...)
		}
		list = append(list, strings.Join(words, " "))
	}
	return list
}

// TestEveryCommandStandsInTheTable: no command is without a line in the table of rights, and no line without a command.
func TestEveryCommandStandsInTheTable(t *testing.T) {
	t.Parallel()
	var lines []string
	for _, e := range access.Table() {
		if e.Command != "" {
			lines = append(lines, e.Command)
		}
	}
	list := leaves(t)
	for _, c := range list {
		if !slices.Contains(lines, c) {
			t.Errorf("tripod %s stands in no line of the table of rights", c)
		}
	}
	for _, l := range lines {
		if !slices.Contains(list, l) {
			t.Errorf("the table of rights has a line for tripod %s, which is no command", l)
		}
	}
}
