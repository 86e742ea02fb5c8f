package content

import (
	"slices"

	"github.com/tripod-audit/tripod/internal/audit"
)

// mostSurfaces bounds the surfaces that are remembered; the vendor has a dozen.
const mostSurfaces = 64

// keeps notes up to which class the policy keeps content of a surface. Where it keeps text and did not before, what it
// withheld has to be read: the next round begins at the start and reads the inside of every object.
func (s *state) keeps(surface audit.Surface, level audit.Class) {
	if !slices.Contains(s.Listed, surface) && len(s.Listed) < mostSurfaces {
		s.Listed = append(s.Listed, surface)
	}
	if !level.Allows(audit.ClassText) || slices.Contains(s.Kept, surface) || len(s.Kept) >= mostSurfaces {
		return
	}
	s.Kept = append(s.Kept, surface)
	s.Again = s.Again || !s.Seen.IsZero()
}
