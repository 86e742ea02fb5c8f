package app

import (
	"context"
	"fmt"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/health"
)

// Status says where everything stands.
type Status struct {
	JournalLast uint64             `json:"journal_last"`
	LedgerSize  uint64             `json:"ledger_size"`
	Views       map[string]uint64  `json:"views"`
	Conditions  []health.Condition `json:"conditions"`
	// Backlog says for each source that reads what happened before how far it is, in words.
	Backlog map[string]string `json:"backlog,omitempty"`
}

func (a *App) status(ctx context.Context) (Status, error) {
	s := Status{Views: make(map[string]uint64, len(a.views)), Conditions: a.health.Conditions()}
	s.Backlog = a.backlogs()
	if s.Conditions == nil {
		s.Conditions = []health.Condition{}
	}
	var err error
	if s.JournalLast, err = a.truth.Journal.Reader().Last(ctx); err != nil {
		return s, fmt.Errorf("read journal: %w", err)
	}
	if a.truth.Ledger != nil {
		s.LedgerSize = a.truth.Ledger.Checkpoint().Size
	}
	for _, v := range a.views {
		s.Views[v.name] = v.position()
	}
	return s, nil
}

// backlogs are the sources whose past is still being read, and how far that is.
func (a *App) backlogs() map[string]string {
	if p := a.Backlog(); p.Behind {
		return map[string]string{string(audit.SourceComplianceActivity): p.String()}
	}
	return nil
}
