package correlate

import (
	"context"
	"log/slog"

	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/viewfile"
)

// ConditionBehind is raised while the view cannot take records in.
const ConditionBehind = "correlate.behind"

// Runner makes what keeps a view up to date; see viewfile.Runner. What the journal cannot read counts as unreadable.
func Runner(h *health.Registry, log *slog.Logger) viewfile.Runner {
	return viewfile.Runner{View: "the index of discrepancies", Condition: ConditionBehind, Health: h, Logger: log}
}

// Run keeps the view up to date with its own logger, and raises nothing. The follower must begin behind Position.
func (v *View) Run(ctx context.Context, f viewfile.Follower) error {
	return Runner(nil, v.logger).Run(ctx, f, v)
}

var _ viewfile.Applier = (*View)(nil)
