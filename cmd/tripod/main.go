// Command tripod is the audit system for an enterprise's use of Claude: one program that collects, joins, proves and
// searches what every source saw. `tripod --help` lists its commands; docs/ says the rest.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/tripod-audit/tripod/internal/export"
)

func main() {
	os.Exit(program())
}

// program runs with the process's own arguments and streams until it is done or told to stop.
func program() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends at once
	std := streams{in: os.Stdin, out: os.Stdout, err: os.Stderr, terminal: isTerminal(os.Stderr)}
	if isTerminal(os.Stdout) {
		std.out = export.NewInert(os.Stdout) // JSON too carries what was recorded as it is
	}
	return run(ctx, os.Args[1:], std)
}

// isTerminal reports whether a person may be reading; progress and closing lines are for people only.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
