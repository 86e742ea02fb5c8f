package file

import (
	"context"
	"errors"

	"github.com/tripod-audit/tripod/internal/forward"
)

// New opens the file.
func New(context.Context, Config, forward.SinkDeps) (forward.Sink, error) { return nil, errors.New("not yet") }
