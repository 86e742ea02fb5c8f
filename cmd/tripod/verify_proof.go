package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/tripod-audit/tripod/internal/ledger/proof"
)

// runProof checks one record's proof from a file. It needs no data directory: an auditor has none.
func (c *verifyCommand) runProof(std streams) error {
	switch {
	case *c.Proof == "":
		return usage{errors.New("verify: --proof is empty; it is the file that tripod record SEQ --proof --json printed, or - for standard input")}
	case c.From != 0:
		return usage{errors.New("verify: --from is of a data directory; a proof is of one record")}
	}
	key, saved, err := c.anchors()
	if err != nil {
		return err
	}
	file, err := readProof(std, *c.Proof)
	if err != nil {
		return err
	}
	var handOvers []string
	for _, name := range c.HandOver {
		b, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read hand-over: %w", err)
		}
		handOvers = append(handOvers, string(b))
	}
	report, err := proof.Check(file, key, saved, handOvers...)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	if c.JSON {
		err = printJSON(std.out, report)
	} else {
		err = printProofReport(std, report)
	}
	if err == nil && !report.Verified {
		err = wanting{errors.New("the proof does not hold")}
	}
	return err
}

func readProof(std streams, name string) (*proof.File, error) {
	in := std.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("read proof: %w", err)
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, proof.MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read proof: %w", err)
	}
	return proof.Parse(b)
}

// printProofReport prints the verdict on one line, and below it what else is wrong and what was not checked.
func printProofReport(std streams, r *proof.Report) error {
	_, err := fmt.Fprintln(std.out, plain(r.Statement))
	for _, w := range r.Wrong[min(1, len(r.Wrong)):] { // the statement says the first
		fmt.Fprintln(std.out, "also wrong:", plain(w))
	}
	for _, n := range r.NotChecked {
		fmt.Fprintln(std.out, "not checked:", plain(n))
	}
	return err
}
