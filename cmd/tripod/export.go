package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/export"
)

// exportFile writes an export to a new file and its sidecar beside it. An export that broke off has no sidecar, so that
// nobody takes it for whole.
func exportFile(ctx context.Context, r *app.Reading, path string, o export.Options) (*export.Result, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create export: %w: name a new file", err)
	}
	o.Wait = export.CatchUp
	res, err := export.Run(ctx, r.Reader, f, o)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("write export: %w", err)
	}
	sidecar, err := export.NewSidecar(ctx, r.Reader, o, res, version())
	if err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(sidecar, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path+".meta.json", append(b, '\n'), 0o600); err != nil {
		return nil, fmt.Errorf("write sidecar: %w", err)
	}
	return res, nil
}
