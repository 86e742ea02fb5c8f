// Command feed measures how fast Tripod takes in the history of the activity feed: a month with a million activities of a
// simulated Compliance API without a rate limit, until each of them can be found. Beside it, in the same run and from the
// same server, a bare client reads the same pages and does nothing but decode them. README.md beside it says how and what
// came out.
//
//	go run ./bench/feed
//
// It exits 1 where an activity is missing or doubled, and where a promise is missed: requests, memory, activities a
// second. Nothing here is safe for concurrent use, and nothing is kept: it works in a temporary folder. It needs Linux,
// for /proc.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/tripod-audit/tripod/bench/child"
)

type options struct {
	days    int
	volume  int // rows a day
	rounds  int
	seed    int
	dir     string
	tripod  string // binary
	profile string // directory
}

func main() {
	var o options
	flag.IntVar(&o.days, "days", 30, "days of history")
	flag.IntVar(&o.volume, "volume", 33_333, "activities a day made for load; the enterprise has a few hundred of its own")
	flag.IntVar(&o.rounds, "rounds", 3, "how often to run both")
	flag.IntVar(&o.seed, "seed", 1, "of the enterprise")
	flag.StringVar(&o.dir, "dir", "", "`folder` to work in (default: a temporary one); not a tmpfs")
	flag.StringVar(&o.tripod, "tripod", "", "`binary` to run instead of building this checkout")
	flag.StringVar(&o.profile, "profile", "", "`folder` for profiles of tripod, taken while it reads, which slows it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench/feed:", err)
		os.Exit(1) //nolint:gocritic // nothing left to give back
	}
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func run(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp(o.dir, "tripod-bench-feed-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if o.tripod == "" {
		o.tripod = filepath.Join(dir, "tripod")
		say("building tripod")
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", o.tripod, "github.com/tripod-audit/tripod/cmd/tripod")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build tripod: %w\n%s", err, out)
		}
	}
	var rounds []round
	for n := range o.rounds {
		r, err := measure(ctx, o, filepath.Join(dir, fmt.Sprint(n)))
		if err != nil {
			return fmt.Errorf("round %d: %w", n+1, err)
		}
		say("round %d: %s", n+1, r)
		rounds = append(rounds, r)
	}
	return report(os.Stdout, rounds)
}

// measure runs one round: a fresh simulator, the bare client on it, then tripod serve on an empty data directory.
func measure(ctx context.Context, o options, dir string) (r round, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	v, err := startVendor(ctx, o)
	if err != nil {
		return r, err
	}
	defer v.Kill()
	seen, err := r.bare(ctx, v, o)
	if err != nil {
		return r, fmt.Errorf("bare client: %w", err)
	}
	syscall.Sync() // what is dirty already is not for tripod to write
	s, err := startTripod(o, v, dir)
	if err != nil {
		return r, err
	}
	defer s.Kill()
	if err := r.read(ctx, o, v, s); err != nil {
		return r, fmt.Errorf("tripod: %w\n%s", err, child.Tail(s.log))
	}
	if err := s.Stop(); err != nil {
		return r, err
	}
	return r, r.check(ctx, s.data, seen)
}
