package access

import (
	"fmt"
	"slices"
	"strings"
)

// Markdown is the table as documents show it: the rights with the roles that hold them, then each route and command with the
// right it asks for.
func Markdown() string {
	var b strings.Builder
	b.WriteString("| right |")
	for _, r := range Roles() {
		fmt.Fprintf(&b, " %s |", strings.ReplaceAll(string(r), "_", " "))
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(Roles())) + "\n")
	for _, right := range Rights() {
		fresh := ""
		if StepUp(right) {
			fresh = " \\*"
		}
		fmt.Fprintf(&b, "| `%s`%s |", right, fresh)
		for _, r := range Roles() {
			mark := ""
			if slices.Contains(held[right], r) {
				mark = "yes"
			}
			fmt.Fprintf(&b, " %s |", mark)
		}
		b.WriteString("\n")
	}
	b.WriteString("\n| route or command | right | what |\n|---|---|---|\n")
	for _, e := range table {
		name := e.Route
		if e.Command != "" {
			name = "tripod " + e.Command
		}
		fresh := ""
		if e.Fresh {
			fresh = " \\*"
		}
		fmt.Fprintf(&b, "| `%s` | `%s`%s | %s |\n", name, e.Right, fresh, e.Does)
	}
	return b.String()
}
