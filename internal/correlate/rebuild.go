package correlate

import (
	"context"
	"fmt"

	"github.com/tripod-audit/tripod/internal/viewfile"
)

// Rebuild builds the view of the data directory from the whole journal, beside the one there is, and then takes its place. No
// View may be open for writing meanwhile; see viewfile.Rebuild.
func Rebuild(ctx context.Context, dir string, r viewfile.Reader, progress func(done, last uint64)) error {
	made := func(path string) (*View, error) { return open(ctx, path, Options{}) }
	if err := viewfile.Rebuild(ctx, Path(dir), made, r, progress); err != nil {
		return fmt.Errorf("rebuild index of discrepancies: %w", err)
	}
	return nil
}
