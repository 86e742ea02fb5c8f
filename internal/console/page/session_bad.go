package page

import (
	"strconv"

	"github.com/tripod-audit/tripod/internal/audit"
)

// stepAnchor names a step of the session, on whichever page it is.
func stepAnchor(n int) string { return "step-" + strconv.Itoa(n) }

// stepURL is where a step is: on this page or another one.
func (s *Session) stepURL(n int) string {
	if page := n - n%PerPage; page != s.first {
		return sessionURLAt(s.ID, "from", strconv.Itoa(page)) + "#" + stepAnchor(n)
	}
	return "#" + stepAnchor(n)
}

// addBad finds the first denied and the first failed step of the session, and the nearest ones before and behind the page.
func (s *Session) addBad() {
	for n := range s.T.Steps {
		bad := s.T.Steps[n].Bad()
		if bad == "" {
			continue
		}
		if bad == audit.OutcomeDenied && s.FirstDenied == "" {
			s.FirstDenied = s.stepURL(n)
		}
		if bad == audit.OutcomeFailure && s.FirstFailed == "" {
			s.FirstFailed = s.stepURL(n)
		}
		switch {
		case n < s.first:
			s.BadBefore = s.stepURL(n)
		case n >= s.first+PerPage && s.BadBehind == "":
			s.BadBehind = s.stepURL(n)
		}
	}
}
