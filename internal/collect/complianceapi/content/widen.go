package content

import (
	"slices"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/normalise"
)

// mostSurfaces bounds the surfaces that are remembered; the vendor has a dozen.
const mostSurfaces = 64

// level is up to which class the policy keeps content of a surface. It does not change while the program runs.
func (r *runner) level(surface audit.Surface) audit.Class {
	of := normalise.Subject{Surface: surface}
	return r.door.Level(of.Record(r.part.kind, r.cfg.Credential), r.cfg.Credential)
}

// lists notes a surface that is listed for the first time, and whether the policy keeps text of it.
func (s *state) lists(surface audit.Surface, level audit.Class) {
	if slices.Contains(s.Listed, surface) || len(s.Listed) >= mostSurfaces {
		return
	}
	s.Listed = append(s.Listed, surface)
	if level.Allows(audit.ClassText) {
		s.Kept = append(s.Kept, surface)
	}
}

// follow brings the state in line with the policy. Of a surface of which the policy keeps text and did not when its objects
// were last listed, what was withheld has to be read: the next round begins at the start and reads the inside of every
// object. Where it keeps less, what waits to be read is not asked for.
func (r *runner) follow() {
	next := r.st.clone()
	for _, surface := range next.Listed {
		at := slices.Index(next.Kept, surface)
		switch keeps := r.level(surface).Allows(audit.ClassText); {
		case keeps && at < 0:
			next.Kept, next.Again = append(next.Kept, surface), true
		case !keeps && at >= 0:
			next.Kept = slices.Delete(next.Kept, at, at+1)
		}
	}
	next.Pending = r.allowed(next.Pending)
	for i := range next.Later {
		next.Later[i] = r.allowed(next.Later[i])
	}
	r.st = next
}

// allowed is what the policy keeps of what is to be read.
func (r *runner) allowed(list []item) []item {
	var left []item
	for _, it := range list {
		level := r.level(it.Subject.Surface)
		switch {
		case level.Allows(audit.ClassText):
		case it.Kind == kindCollaborators, it.Kind == kindAttachments, r.part.finds && level.Allows(audit.ClassDetail):
			it.Subject.Text = false
		default:
			continue
		}
		left = append(left, it)
	}
	return left
}
