package searchtest_test

import (
	"testing"

	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/search/searchtest"
)

// TestReference runs the suite over the reference: what it demands can be met.
func TestReference(t *testing.T) {
	t.Parallel()
	searchtest.Run(t, func(*testing.T) search.Index { return new(searchtest.Reference) })
}
