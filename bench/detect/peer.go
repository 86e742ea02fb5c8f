package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// The Go library that can be had at an exact version is no dependency of Tripod: it is fetched and built in a folder of its own.
const peerModule = "github.com/bradleyjkemp/sigma-go@v0.6.6"

const peerSource = `package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/bradleyjkemp/sigma-go"
	"github.com/bradleyjkemp/sigma-go/evaluator"
)

func main() {
	runtime.GOMAXPROCS(1)
	text, err := os.ReadFile("rules.yml")
	check(err)
	var rules []sigma.Rule
	for _, doc := range bytes.Split(text, []byte("---\n")) {
		if len(bytes.TrimSpace(doc)) > 0 {
			r, err := sigma.ParseRule(doc)
			check(err)
			rules = append(rules, r)
		}
	}
	lines, err := os.ReadFile("events.jsonl")
	check(err)
	events := bytes.Split(bytes.TrimSpace(lines), []byte("\n"))
	hits, n := 0, 0
	bundle := evaluator.ForRules(rules)
	start := time.Now()
	for _, line := range events {
		var e map[string]interface{}
		check(json.Unmarshal(line, &e))
		results, err := bundle.Matches(context.Background(), e)
		check(err)
		for _, r := range results {
			if r.Match {
				hits++
			}
		}
		if n++; time.Since(start) > 4*time.Second {
			break
		}
	}
	fmt.Printf("%d %d %.0f\n", n, hits, float64(n)/time.Since(start).Seconds())
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
`

// peer measures the library on the rules it can express, which are those without elements of lists, over records made flat for it.
func peer(ctx context.Context, counts []int, canonical [][]byte) (rates map[int]float64, err error) {
	dir, err := os.MkdirTemp("", "tripod-bench-detect-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	events, err := flat(canonical)
	if err != nil {
		return nil, err
	}
	for name, text := range map[string]string{"go.mod": "module peer\n\ngo 1.26\n", "main.go": peerSource, "events.jsonl": events} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	for _, args := range [][]string{{"get", peerModule}, {"build", "-o", "peer", "."}} {
		if _, err := command(ctx, dir, "go", args...); err != nil {
			return nil, err
		}
	}
	rates = map[int]float64{}
	for _, n := range counts {
		if err := os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(flatRules(n)), 0o600); err != nil {
			return nil, err
		}
		out, err := command(ctx, dir, filepath.Join(dir, "peer"))
		if err != nil {
			return nil, err
		}
		words := strings.Fields(out)
		if len(words) != 3 {
			return nil, fmt.Errorf("the library printed %q", out)
		}
		if rates[n], err = strconv.ParseFloat(words[2], 64); err != nil {
			return nil, err
		}
	}
	return rates, nil
}

func command(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// flatRules are the rules without those on elements of lists.
func flatRules(n int) string {
	var docs []string
	for i, doc := range strings.Split(strings.TrimSuffix(rules(n), "---\n"), "---\n") {
		if !strings.Contains(shapes[i%len(shapes)].detection, "[]") {
			docs = append(docs, doc)
		}
	}
	return strings.Join(docs, "---\n")
}

// flat writes records as objects of one level.
func flat(canonical [][]byte) (string, error) {
	var b strings.Builder
	for _, c := range canonical {
		r, err := audit.Decode(c)
		if err != nil {
			return "", err
		}
		m := map[string]any{"type": r.Type, "outcome": r.Outcome, "source": r.Source, "model": r.Model, "user": r.Account.Asserted.Email, "session": r.Keys.Session}
		for _, a := range r.Attributes {
			m["attributes."+a.Name] = a.Value
		}
		line, err := json.Marshal(m)
		if err != nil {
			return "", err
		}
		b.Write(append(line, '\n'))
	}
	return b.String(), nil
}
