package reading

import (
	"context"
	"errors"
	"fmt"

	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/search"
)

// ViewError says that a view cannot be read, why, and what to do. The records themselves are not in danger.
type ViewError struct {
	View    string // as tripod rebuild knows it
	Err     error
	serving bool
}

// Error is one line.
func (e *ViewError) Error() string { return fmt.Sprintf("%v: %s", e.Err, e.Advice()) }

// Unwrap gives the cause.
func (e *ViewError) Unwrap() error { return e.Err }

// Advice says what to do.
func (e *ViewError) Advice() string {
	if e.serving {
		return fmt.Sprintf("tripod serve opens the %s view again by itself, try again in a moment; the state of health says why it cannot", e.View)
	}
	return fmt.Sprintf("start tripod serve, which builds the %s view, or run tripod rebuild %s", e.View, e.View)
}

// viewError marks an error as a view's, unless it is the caller's own doing.
func (r *Reader) viewError(ctx context.Context, view string, err error) error {
	var already *ViewError
	switch {
	case err == nil, ctx.Err() != nil, errors.As(err, &already), errors.Is(err, search.ErrCursor), errors.Is(err, search.ErrNotFacet):
		return err
	}
	if r.parts.Failed != nil {
		r.parts.Failed(view, err)
	}
	return &ViewError{View: view, Err: err, serving: r.parts.Serving}
}

// searchView is the search view whose errors say what they are.
type searchView struct {
	index  search.Reader
	reader *Reader
}

func (v *searchView) Position(ctx context.Context) (uint64, error) {
	at, err := v.index.Position(ctx)
	return at, v.reader.viewError(ctx, "search", err)
}

func (v *searchView) Find(ctx context.Context, q *search.Query, p search.Page) (*search.Result, error) {
	found, err := v.index.Find(ctx, q, p)
	return found, v.reader.viewError(ctx, "search", err)
}

func (v *searchView) Count(ctx context.Context, q *search.Query) (search.Count, error) {
	n, err := v.index.Count(ctx, q)
	return n, v.reader.viewError(ctx, "search", err)
}

func (v *searchView) Facets(ctx context.Context, q *search.Query, fields []search.Field, top int) (*search.Facets, error) {
	facets, err := v.index.Facets(ctx, q, fields, top)
	return facets, v.reader.viewError(ctx, "search", err)
}

func (v *searchView) Histogram(ctx context.Context, q *search.Query, buckets int) (*search.Histogram, error) {
	h, err := v.index.Histogram(ctx, q, buckets)
	return h, v.reader.viewError(ctx, "search", err)
}

// foundView is the view of discrepancies whose errors say what they are.
type foundView struct {
	found  Discrepancies
	reader *Reader
}

func (v *foundView) Position(ctx context.Context) (uint64, error) {
	at, err := v.found.Position(ctx)
	return at, v.reader.viewError(ctx, "correlate", err)
}

func (v *foundView) List(ctx context.Context, f correlate.Filter) ([]correlate.Discrepancy, error) {
	list, err := v.found.List(ctx, f)
	return list, v.reader.viewError(ctx, "correlate", err)
}

func (v *foundView) Count(ctx context.Context) (correlate.Counts, error) {
	n, err := v.found.Count(ctx)
	return n, v.reader.viewError(ctx, "correlate", err)
}
