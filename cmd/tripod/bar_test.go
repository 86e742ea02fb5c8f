package main

import (
	"bytes"
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestBar reads the bytes a terminal gets as the terminal does.
func TestBar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		b := &bar{out: &out}
		type state struct {
			share float64
			going bool
		}
		var now atomic.Value
		now.Store(state{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.follow(ctx, "history", func() (float64, string, bool) { s := now.Load().(state); return s.share, "x", s.going })
		}()
		at := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		at(1500 * time.Millisecond)
		if out.Len() > 0 {
			t.Errorf("%q before there is anything to show", &out)
		}
		now.Store(state{0.5, true})
		at(time.Second)
		if _, err := b.Write([]byte("a line of the log\n")); err != nil {
			t.Fatal(err)
		}
		half := "history [" + strings.Repeat("=", 12) + strings.Repeat(" ", 12) + "] x"
		if got, want := screen(out.String()), "a line of the log\n"+half; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		now.Store(state{0.5, false})
		at(time.Second)
		cancel()
		<-done
		if got, want := screen(out.String()), "a line of the log\nhistory ["+strings.Repeat("=", 24)+"] done\n"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// screen is what stands on a terminal after some bytes.
func screen(s string) string {
	lines := strings.Split(strings.NewReplacer(wrapOff, "", wrapOn, "").Replace(s), "\n")
	for i, l := range lines {
		if at := strings.LastIndex(l, eraseLine); at >= 0 {
			lines[i] = l[at+len(eraseLine):]
		}
	}
	return strings.Join(lines, "\n")
}
