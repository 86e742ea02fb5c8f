// Command otlp compares `tripod serve` with the OpenTelemetry Collector as
// receivers of what Claude Code exports: the same bytes over the same number of
// connections, one system after the other on the same machine, round after
// round. README.md beside it says how and what came out.
//
//	go run ./bench/otlp
//
// It promises nothing about durability of its own; it checks after every run
// that the server kept each record it acknowledged exactly once, and exits 1 if
// not. It needs Linux, for /proc.
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
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type options struct {
	sizes, records    []int
	rounds, lanes     int
	seed              uint64
	systems           []string
	tripod, collector string // binaries, built where empty
	json              string
	record            bool
	cell              cellOptions
}

func main() {
	opt, err := parse(os.Args[1:])
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		err = compare(ctx, opt)
		stop()
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		say("%v", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("otlp", flag.ContinueOnError)
	sizes := f.String("sizes", "1,100,1000", "records in each export")
	records := f.String("records", "24000,120000,120000", "records in each run, for each of -sizes")
	systems := f.String("systems", "collector,tripod", "what to run")
	f.IntVar(&o.rounds, "rounds", 3, "how often to run everything")
	f.IntVar(&o.lanes, "connections", 8, "connections, each waiting for its answers")
	f.Uint64Var(&o.seed, "seed", 1, "of the workload")
	f.StringVar(&o.cell.transport, "transport", "http", "http (with protobuf) or grpc")
	f.DurationVar(&o.cell.limit, "limit", time.Minute, "the longest that the load of one run may take")
	f.StringVar(&o.tripod, "tripod", "", "`binary` to run instead of building this checkout")
	f.StringVar(&o.collector, "collector", "", "`binary` to run instead of building v"+collectorVersion)
	f.StringVar(&o.cell.dir, "dir", "", "where the servers keep their data (default in the user's cache directory); not a tmpfs")
	f.BoolVar(&o.cell.keep, "keep", false, "keep that data")
	f.StringVar(&o.cell.profile, "profile", "", "`directory` for profiles of tripod, taken while measuring, which slows it")
	f.StringVar(&o.json, "json", "", "`file` for the results (default bench/otlp/results.json in this checkout)")
	f.BoolVar(&o.record, "record", false, "put the result into bench/otlp/README.md")
	if err := f.Parse(args); err != nil {
		return o, flag.ErrHelp
	}
	var err1, err2 error
	o.sizes, err1 = ints(*sizes)
	o.records, err2 = ints(*records)
	o.systems = strings.Split(*systems, ",")
	if err := errors.Join(err1, err2); err != nil {
		return o, err
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	case len(o.sizes) != len(o.records):
		return o, errors.New("-records needs as many numbers as -sizes")
	case o.rounds < 1 || o.lanes < 1:
		return o, errors.New("-rounds and -connections must be at least 1")
	case o.cell.transport != "http" && o.cell.transport != "grpc":
		return o, fmt.Errorf("-transport %q: want http or grpc", o.cell.transport)
	}
	return o, nil
}

func ints(list string) (values []int, err error) {
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q: want positive numbers with commas between", list)
		}
		values = append(values, n)
	}
	return values, nil
}

func compare(ctx context.Context, o options) error {
	cache, err := cacheDir()
	if err != nil {
		return err
	}
	if o.cell.dir == "" {
		o.cell.dir = cache
	}
	if o.cell.dir, err = os.MkdirTemp(o.cell.dir, "run-"); err != nil {
		return err
	}
	if o.cell.keep {
		say("data in %s", o.cell.dir)
	} else {
		defer os.RemoveAll(o.cell.dir)
	}
	systems, err := o.build(ctx, cache)
	if err != nil {
		return err
	}
	here, err := folder(ctx)
	if err != nil {
		return err
	}
	if o.json == "" {
		o.json = filepath.Join(here, "results.json")
	}

	r := newReport(o.cell.transport, o.lanes)
	var loads []*workload
	for i, size := range o.sizes {
		w, err := newWorkload(o.seed, size, o.records[i], o.lanes, time.Now())
		if err != nil {
			return err
		}
		loads = append(loads, w)
		r.addWorkload(w)
	}
	for round := 1; round <= o.rounds; round++ {
		for _, w := range loads {
			for _, s := range systems {
				c, err := runCell(ctx, s, w, round, o.cell)
				if err != nil {
					return fmt.Errorf("round %d, %d per export, %s: %w", round, w.size, s.name(), err)
				}
				say("round %d  %4d per export  %-9s  %6.0f acknowledged/s  %6.0f searchable/s  p99 %.1f ms  %d MiB",
					round, w.size, s.name(), c.Acked, c.Findable, c.P99, c.Memory>>20)
				r.Cells = append(r.Cells, c)
			}
		}
		// Whoever went first goes second in the next round.
		slices.Reverse(systems)
	}
	r.sum()
	var text strings.Builder
	r.markdown(&text)
	fmt.Print(text.String())
	if err := r.write(o.json); err != nil {
		return err
	}
	if o.record {
		return recordIn(filepath.Join(here, "README.md"), text.String())
	}
	return nil
}

func (o options) build(ctx context.Context, cache string) (systems []system, err error) {
	for _, name := range o.systems {
		switch name {
		case "collector":
			if o.collector == "" {
				if o.collector, err = buildCollector(ctx, cache); err != nil {
					return nil, err
				}
			}
			systems = append(systems, collector{binary: o.collector})
		case "tripod":
			if o.tripod == "" {
				if o.tripod, err = buildTripod(ctx, o.cell.dir); err != nil {
					return nil, err
				}
			}
			systems = append(systems, tripod{binary: o.tripod, pprof: o.cell.profile != ""})
		default:
			return nil, fmt.Errorf("-systems: %q is neither tripod nor collector", name)
		}
	}
	return systems, nil
}

// folder is where this program's source lies.
func folder(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find this checkout: %w", err)
	}
	return filepath.Join(filepath.Dir(strings.TrimSpace(string(out))), "bench", "otlp"), nil
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
