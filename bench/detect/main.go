// Command detect measures how many records a second one core holds against 20, 200 and 1,000 Sigma rules, beside an evaluator of the same
// rules in plain Go that tries one rule after the other, in the same run. It writes the table of docs/sigma.md.
//
//	go run ./bench/detect
//
// It exits 1 where the two disagree about any record, where 200 rules are held against fewer than 50,000 records a second, or where
// ten times the rules cost more than three times the time. Nothing is kept but the table, and nothing here is safe for concurrent use.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/detect/sigma"
)

func main() {
	records := flag.Int("records", 20_000, "different records")
	least := flag.Duration("time", 2*time.Second, "how long each is measured at least")
	document := flag.String("write", "docs/sigma.md", "document whose table is written anew; empty to leave it alone")
	library := flag.Bool("library", true, "measure the Go library there is, too, which is fetched for it")
	check := flag.Bool("check", true, "fail where the numbers promised are not reached")
	flag.Parse()
	if err := run(*records, *least, *document, *library, *check); err != nil {
		fmt.Fprintln(os.Stderr, "bench/detect:", err)
		os.Exit(1)
	}
}

// result is what was measured with a number of rules.
type result struct {
	rules   int
	hits    int
	ours    float64 // records a second, from their bytes
	plain   float64 // the same, decoded and tried one rule after the other
	decoded float64 // only tried, of records decoded before
	library float64 // 0 where it was not measured
}

func run(n int, least time.Duration, document string, library, check bool) error {
	runtime.GOMAXPROCS(1) // one core, the collector of garbage included
	canonical := generate(n)
	var results []result
	for _, rules := range []int{20, 200, 1000} {
		r, err := measure(rules, canonical, least)
		if err != nil {
			return err
		}
		fmt.Printf("%5d rules: %.0f records/s; one rule at a time %.0f, without decoding %.0f; %d matches\n", r.rules, r.ours, r.plain, r.decoded, r.hits)
		results = append(results, r)
	}
	if library {
		rates, err := peer(context.Background(), []int{20, 200, 1000}, canonical)
		if err != nil {
			return err
		}
		for i := range results {
			results[i].library = rates[results[i].rules]
		}
	}
	if document != "" {
		if err := write(document, table(results, canonical)); err != nil {
			return err
		}
	}
	if !check {
		return nil
	}
	if results[1].ours < 50_000 {
		return fmt.Errorf("%.0f records/s at 200 rules: fewer than 50,000", results[1].ours)
	}
	for i := 1; i < len(results); i++ {
		if results[i-1].ours > 3*results[i].ours {
			return fmt.Errorf("%d rules cost %.1f times what %d do: growth is to be less than a third of the rules'",
				results[i].rules, results[i-1].ours/results[i].ours, results[i-1].rules)
		}
	}
	return nil
}

func measure(n int, canonical [][]byte, least time.Duration) (result, error) {
	text := rules(n)
	docs, err := sigma.Parse("bench.yml", []byte(text))
	if err != nil {
		return result{}, err
	}
	set, err := sigma.Compile(docs, sigma.Options{})
	if err != nil {
		return result{}, err
	}
	plain := plainRules(n)
	m := set.NewMatcher()
	r := result{rules: n}
	var all []*audit.Record
	for _, c := range canonical {
		hits, err := m.Match(c)
		if err != nil {
			return r, err
		}
		rec, err := audit.Decode(c)
		if err != nil {
			return r, err
		}
		all = append(all, rec)
		if want := oneByOne(plain, rec, nil); !slices.Equal(hits, want) {
			return r, fmt.Errorf("the rules %v match by the set, %v one by one: %s", hits, want, c)
		}
		r.hits += len(hits)
	}
	r.ours = rate(len(canonical), least, func() {
		for _, c := range canonical {
			if _, err := m.Match(c); err != nil {
				panic(err)
			}
		}
	})
	var list []int
	r.plain = rate(len(canonical), least, func() {
		for _, c := range canonical {
			rec, err := audit.Decode(c)
			if err != nil {
				panic(err)
			}
			list = oneByOne(plain, rec, list[:0])
		}
	})
	r.decoded = rate(len(all), least, func() {
		for _, rec := range all {
			list = oneByOne(plain, rec, list[:0])
		}
	})
	return r, nil
}

// rate is how many a second a pass over n gives, the best of the passes that fit.
func rate(n int, least time.Duration, pass func()) float64 {
	best := time.Duration(1 << 62)
	for begin := time.Now(); time.Since(begin) < least; {
		start := time.Now()
		pass()
		best = min(best, time.Since(start))
	}
	return float64(n) / best.Seconds()
}

func table(results []result, canonical [][]byte) string {
	var b strings.Builder
	size := 0
	for _, c := range canonical {
		size += len(c)
	}
	fmt.Fprintf(&b, "\n%d different records of %d bytes on average, on one core (`go run ./bench/detect`, %s, best pass). Plain Go decodes each record once and tries the rules one after the other; without decoding it has the records in memory. sigma-go has four fifths of the rules, since it cannot look into lists, and records made flat for it.\n\n",
		len(canonical), size/len(canonical), runtime.Version())
	b.WriteString("| rules | Tripod, records/s | plain Go, one rule at a time | without decoding | Tripod is faster by | sigma-go 0.6.6 |\n|---:|---:|---:|---:|---:|---:|\n")
	for _, r := range results {
		other := "–"
		if r.library > 0 {
			other = fmt.Sprintf("%.0f", r.library)
		}
		fmt.Fprintf(&b, "| %d | %.0f | %.0f | %.0f | %.0f (%.1f) | %s |\n", r.rules, r.ours, r.plain, r.decoded, r.ours/r.plain, r.ours/r.decoded, other)
	}
	return b.String() + "\n"
}

// write puts the table between the marks of the document.
func write(path, text string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	const begin, end = "<!-- bench/detect -->", "<!-- end -->"
	head, rest, found := strings.Cut(string(raw), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		return fmt.Errorf("%s has no marks %s and %s", path, begin, end)
	}
	return os.WriteFile(path, []byte(head+begin+text+end+tail), 0o644)
}
