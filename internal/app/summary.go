package app

import (
	"context"
	"errors"

	"github.com/tripod-audit/tripod/internal/ledger"
	"github.com/tripod-audit/tripod/internal/search"
)

// Summary is what a data directory holds, in one JSON object.
type Summary struct {
	Records       uint64           `json:"records"`
	BySource      map[string]int64 `json:"by_source"`
	BySurface     map[string]int64 `json:"by_surface"`
	ByActivity    map[string]int64 `json:"by_activity"`
	LedgerSize    uint64           `json:"ledger_size"`
	Verified      bool             `json:"verified"`
	Anchored      string           `json:"anchored"`
	Statement     string           `json:"statement"`
	Discrepancies int64            `json:"discrepancies"`
	ByKind        map[string]int64 `json:"discrepancies_by_kind"`
}

// Summarise counts and verifies a data directory.
func Summarise(ctx context.Context, dir string) (s Summary, err error) {
	r, err := OpenReading(ctx, dir)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if s.Records, err = r.Last(ctx); err != nil {
		return s, err
	}
	if err := s.count(ctx, r); err != nil {
		return s, err
	}
	// No key from outside: a demo has none, so the statement says what that is worth.
	report, err := Verify(ctx, ledger.VerifyOptions{Dir: dir})
	if err != nil {
		return s, err
	}
	s.LedgerSize, s.Verified, s.Anchored, s.Statement = report.LedgerSize, report.Verified, report.Anchored, report.Statement
	return s, nil
}

func (s *Summary) count(ctx context.Context, r *Reading) error {
	index, err := r.Search(ctx)
	if err != nil {
		return err
	}
	facets, err := index.Facets(ctx, new(search.Query), []search.Field{search.FieldSource, search.FieldSurface, search.FieldActivity}, 100)
	if err != nil {
		return err
	}
	of := func(f search.Field) map[string]int64 {
		m := make(map[string]int64, len(facets.Values[f]))
		for _, v := range facets.Values[f] {
			m[v.Value] = v.N
		}
		return m
	}
	s.BySource, s.BySurface, s.ByActivity = of(search.FieldSource), of(search.FieldSurface), of(search.FieldActivity)
	view, err := r.Discrepancies(ctx)
	if err != nil {
		return err
	}
	found, err := view.Count(ctx)
	if err != nil {
		return err
	}
	s.Discrepancies = found.Open
	s.ByKind = make(map[string]int64, len(found.ByKind))
	for kind, n := range found.ByKind {
		s.ByKind[string(kind)] = n
	}
	return nil
}
