package content

import "github.com/tripod-audit/tripod/internal/collect/complianceapi/normalise"

// attached has read what a message names: nothing yet.
func (r *runner) attached(_ []normalise.Attached, _ item) []item { return nil }
