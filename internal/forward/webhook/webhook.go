package webhook

import (
	"context"
	"errors"

	"github.com/tripod-audit/tripod/internal/forward"
)

// New makes the sink.
func New(context.Context, Config, forward.SinkDeps) (forward.Sink, error) { return nil, errors.New("not yet") }
