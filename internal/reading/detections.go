package reading

import (
	"context"
	"errors"
	"time"

	"github.com/tripod-audit/tripod/internal/detect"
)

// Detections is the view of firings. The error, and those of its methods, are *ViewErrors.
func (r *Reader) Detections(ctx context.Context) (detect.Reader, error) {
	if r.parts.Detections == nil {
		return nil, r.viewError(ctx, "detect", errors.New("the view of detections is not part of this"))
	}
	view, err := r.parts.Detections(ctx)
	if err != nil {
		return nil, r.viewError(ctx, "detect", err)
	}
	return &detectionsView{view, r}, nil
}

// detectionsView is the view of detections whose errors say what they are.
type detectionsView struct {
	view   detect.Reader
	reader *Reader
}

func (v *detectionsView) err(ctx context.Context, err error) error {
	return v.reader.viewError(ctx, "detect", err)
}

func (v *detectionsView) Position(ctx context.Context) (uint64, error) {
	at, err := v.view.Position(ctx)
	return at, v.err(ctx, err)
}

func (v *detectionsView) After(ctx context.Context, c detect.Cursor, limit int) ([]detect.Firing, error) {
	list, err := v.view.After(ctx, c, limit)
	return list, v.err(ctx, err)
}

func (v *detectionsView) List(ctx context.Context, f detect.Filter) ([]detect.Firing, error) {
	list, err := v.view.List(ctx, f)
	return list, v.err(ctx, err)
}

func (v *detectionsView) Get(ctx context.Context, id string) (detect.Firing, bool, error) {
	f, found, err := v.view.Get(ctx, id)
	return f, found, v.err(ctx, err)
}

func (v *detectionsView) Count(ctx context.Context, rule string, from time.Time) (int64, error) {
	n, err := v.view.Count(ctx, rule, from)
	return n, v.err(ctx, err)
}

func (v *detectionsView) Stats(ctx context.Context) (detect.Stats, error) {
	s, err := v.view.Stats(ctx)
	return s, v.err(ctx, err)
}
