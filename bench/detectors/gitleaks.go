package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/policy/detector/corpus"
)

const gitleaksModule = "github.com/zricethezav/gitleaks/v8@v8.30.1"

// anyCredential is the one kind gitleaks is measured by: its rules have other names, so that a credential counts as found
// whatever it is called.
const anyCredential = "credential.any"

// gitleaks runs its default rules over the texts, one file each, and compares what it reports with the labels of credentials.
// What it reports counts as right where it overlaps a label at all, which is more lenient than what Tripod is measured by.
func gitleaks(ctx context.Context, bin string, samples []corpus.Sample) (_ *result, err error) {
	if err := install(ctx, bin); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tripod-bench-detectors-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	texts := filepath.Join(dir, "texts")
	if err := os.Mkdir(texts, 0o700); err != nil {
		return nil, err
	}
	r := &result{samples: samples, scores: corpus.Scores{}}
	for i, s := range samples {
		r.bytes += len(s.Text)
		if err := os.WriteFile(filepath.Join(texts, strconv.Itoa(i)+".txt"), []byte(s.Text), 0o600); err != nil {
			return nil, err
		}
	}
	reported := filepath.Join(dir, "report.json")
	start := time.Now()
	out, err := exec.CommandContext(ctx, bin, "dir", texts, "--report-format", "json", "--report-path", reported, "--no-banner", "--exit-code", "0", "--log-level", "error").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("gitleaks: %w: %s", err, out)
	}
	r.took = time.Since(start)
	found, err := read(reported, samples)
	if err != nil {
		return nil, err
	}
	for i, s := range samples {
		compare(r.scores, s, found[i])
	}
	return r, nil
}

func install(ctx context.Context, bin string) error {
	if _, err := os.Stat(bin); err == nil {
		return nil
	}
	folder, err := filepath.Abs(filepath.Dir(bin))
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "install", gitleaksModule)
	cmd.Env = append(os.Environ(), "GOBIN="+folder)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("install gitleaks: %w: %s", err, out)
	}
	return nil
}

// read finds the secrets of a report in the texts: by sample, where each stands.
func read(path string, samples []corpus.Sample) (map[int][]corpus.Label, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var report []struct {
		File, Secret, RuleID string
	}
	if err := json.Unmarshal(text, &report); err != nil {
		return nil, fmt.Errorf("read the report of gitleaks: %w", err)
	}
	found := map[int][]corpus.Label{}
	for _, f := range report {
		i, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(f.File), ".txt"))
		if err != nil || i >= len(samples) {
			return nil, fmt.Errorf("gitleaks reports a file %q that it was not given", f.File)
		}
		if at := strings.Index(samples[i].Text, f.Secret); at >= 0 {
			found[i] = append(found[i], corpus.Label{Kind: anyCredential, Start: at, End: at + len(f.Secret)})
		}
	}
	return found, nil
}

// compare counts a label as found when any finding overlaps it, and a finding as wrong when it overlaps no label.
func compare(scores corpus.Scores, s corpus.Sample, found []corpus.Label) {
	overlap := func(a, b corpus.Label) bool { return a.Start < b.End && b.Start < a.End }
	right := make([]bool, len(found))
	for _, want := range s.Labels {
		if !credential(want.Kind) {
			continue
		}
		t, hit := scores[want.Kind], false
		for i, f := range found {
			if overlap(f, want) {
				hit, right[i] = true, true
			}
		}
		if hit {
			t.Right++
		} else {
			t.Missed++
		}
		scores[want.Kind] = t
	}
	for i := range found {
		if !right[i] {
			t := scores[anyCredential]
			t.Wrong++
			scores[anyCredential] = t
		}
	}
}
