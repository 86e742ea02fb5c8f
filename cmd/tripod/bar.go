package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// bar keeps one line at the bottom of a terminal, below what else is written there. It is safe for concurrent use.
type bar struct {
	mu   sync.Mutex
	out  io.Writer
	line string // shown now; "" is none
}

// How a terminal is told to begin the line again and to empty it, and to cut what is longer than it is wide: half a line
// that went on in the next would stay there.
const (
	eraseLine = "\r\x1b[K"
	wrapOff   = "\x1b[?7l"
	wrapOn    = "\x1b[?7h"
)

// Write writes above the line.
func (b *bar) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.line == "" {
		return b.out.Write(p)
	}
	if _, err := io.WriteString(b.out, eraseLine); err != nil {
		return 0, err
	}
	n, err := b.out.Write(p)
	if err == nil && strings.HasSuffix(string(p), "\n") {
		_, err = io.WriteString(b.out, b.line)
	}
	return n, err
}

// show replaces the line; "" takes it away.
func (b *bar) show(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if line != b.line {
		b.line = line
		_, _ = io.WriteString(b.out, eraseLine+line) // a terminal that went away is not what serve is for
	}
}

// drawn is a share as a picture.
func drawn(share float64) string {
	const width = 24
	full := min(max(int(share*width), 0), width)
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", width-full) + "]"
}

const redrawEvery = time.Second

// follow shows what progress says until the context ends. The last state is left standing above.
func (b *bar) follow(ctx context.Context, what string, progress func() (share float64, text string, going bool)) {
	tick := time.NewTicker(redrawEvery)
	defer tick.Stop()
	for was := false; ; {
		share, text, going := progress()
		switch {
		case going:
			b.show(fmt.Sprintf("%s%s %s %s%s", wrapOff, what, drawn(share), text, wrapOn))
		case was:
			b.show("")
			fmt.Fprintf(b, "%s %s done\n", what, drawn(1))
		}
		was = going
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.show("")
			return
		}
	}
}
