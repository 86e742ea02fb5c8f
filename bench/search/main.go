// Command search measures the search index: it invents a year of records of an enterprise, puts them into a real journal
// and a real index, and times the queries people make, at two sizes in one run. README.md beside it says how and what
// came out.
//
//	go run ./bench/search -records 10000000
//
// It exits 1 where an answer is too slow, or slower than the same on the smaller size by more than the promise allows.
// Nothing here is safe for concurrent use, and nothing is kept: it works in a temporary folder.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

type options struct {
	records  int // of the larger size
	baseline int // of the smaller; 0 to skip it
	users    int
	rounds   int // queries of each kind
	seed     uint64
	dir      string
}

func main() {
	var o options
	flag.IntVar(&o.records, "records", 10_000_000, "records of the larger size")
	flag.IntVar(&o.baseline, "baseline", 1_000_000, "records of the smaller size; 0 leaves it out")
	flag.IntVar(&o.users, "users", 500, "accounts")
	flag.IntVar(&o.rounds, "rounds", 200, "queries of each kind")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the generator and of the queries")
	flag.StringVar(&o.dir, "dir", "", "folder to work in (default: a temporary one)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench/search:", err)
		os.Exit(1) //nolint:gocritic // nothing left to give back
	}
}

func run(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp(o.dir, "tripod-bench-search-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var sizes []*size
	for _, records := range []int{o.baseline, o.records} {
		if records == 0 {
			continue
		}
		s, err := load(ctx, filepath.Join(dir, fmt.Sprint(records)), records, o)
		if err != nil {
			return err
		}
		defer s.close()
		sizes = append(sizes, s)
	}
	return measure(ctx, sizes, o)
}
