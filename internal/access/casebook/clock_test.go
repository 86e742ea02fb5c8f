package casebook_test

import (
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/audit"
)

// TestClockBack: a clock that was set back ends what is open and what waits, whichever time was wrong; what is asked for
// afterwards opens by the clock as it is then.
func TestClockBack(t *testing.T) {
	t.Parallel()
	for what, ahead := range map[string]time.Duration{"set back while it was open": time.Minute, "had run ahead": 70 * 365 * 24 * time.Hour} {
		p := newPast()
		p.act("kim", casebook.TypeCaseOpen, "C-2026-0001", openAttrs("dana@example.com"), access.Analyst)
		approve := func(id string) {
			g, _ := p.book.Grant(id, p.now)
			p.act("ola", casebook.TypeGrantApprove, "C-2026-0001", audit.Attrs{audit.TextAttr("grant", g.ID), audit.TextAttr("terms", g.Terms)}, access.PrivacyOfficer)
		}
		for _, id := range []string{"G-2026-0001", "G-2026-0002"} {
			p.act("kim", casebook.TypeGrantRequest, "C-2026-0001", grantAttrs(id), access.Analyst)
		}
		approve("G-2026-0001")
		if g, _ := p.book.Grant("G-2026-0001", p.now); g.State != casebook.Opened {
			t.Fatalf("%s: %+v", what, g)
		}
		from := p.now.Add(ahead)
		p.now = p.now.Add(-2 * time.Hour)
		p.book.Back(100, from, p.now)
		for _, id := range []string{"G-2026-0001", "G-2026-0002"} {
			if g, _ := p.book.Grant(id, p.now); g.State != casebook.Expired {
				t.Errorf("%s: %s is %s", what, id, g.State)
			}
		}
		approve("G-2026-0002")
		if g, _ := p.book.Grant("G-2026-0002", p.now); g.State != casebook.Expired {
			t.Errorf("%s: a request from before is %s", what, g.State)
		}
		p.act("kim", casebook.TypeGrantRequest, "C-2026-0001", grantAttrs("G-2026-0003"), access.Analyst)
		approve("G-2026-0003")
		if g, _ := p.book.Grant("G-2026-0003", p.now); g.State != casebook.Opened || g.Until.Sub(p.now) > time.Hour {
			t.Errorf("%s: afterwards %s until %v, at %v", what, g.State, g.Until, p.now)
		}
	}
}
