package content_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/content"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/crashtest"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	simulated "github.com/tripod-audit/tripod/internal/simulate/complianceapi"
)

// said is a message as the vendor shows it.
type said struct {
	ID      string `json:"id"`
	Role    string `json:"role"`
	Content []struct {
		Type    string `json:"type"`
		ID      string `json:"id"`
		ToolUse string `json:"tool_use_id"`
	} `json:"content"`
}

// truth are the ids that the records of a vendor's local sessions must have.
func (b *bench) truth(since time.Time) (sessions, messages map[string]bool) {
	b.t.Helper()
	sessions, messages = map[string]bool{}, map[string]bool{}
	c, ctx := b.client(b), b.t.Context()
	for page := ""; ; {
		list, err := c.LocalSessions(ctx, since, api.MaxSessions, page, api.Feed)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, raw := range list.Rows {
			var s struct {
				ID string `json:"id"`
			}
			if err := json.Unmarshal(raw, &s); err != nil {
				b.t.Fatal(err)
			}
			sessions[s.ID] = true
			b.messages(c, s.ID, messages)
		}
		if page = list.Next; page == "" {
			return sessions, messages
		}
	}
}

func (b *bench) messages(c *api.Client, session string, ids map[string]bool) {
	for page := ""; ; {
		list, err := c.LocalMessages(b.t.Context(), session, api.MaxSessionMessages, page, api.Feed)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, raw := range list.Rows {
			var m said
			if err := json.Unmarshal(raw, &m); err != nil {
				b.t.Fatal(err)
			}
			written := len(m.Content) == 0
			for i, block := range m.Content {
				if block.Type == "text" {
					written = true
				} else {
					ids[m.ID+"/"+string(rune('0'+i))] = true
				}
			}
			if written {
				ids[m.ID] = true
			}
		}
		if page = list.Next; page == "" {
			return
		}
	}
}

// compare compares the journal with what the vendor shows: each once, nothing else.
func (b *bench) compare(sessions, messages map[string]bool) {
	b.t.Helper()
	have := map[string]int{}
	for _, r := range b.records() {
		if r.Source == audit.SourceComplianceSession && strings.HasPrefix(r.Keys.Session, "clls_") {
			have[r.ID]++
		}
	}
	for _, want := range []map[string]bool{sessions, messages} {
		for id := range want {
			if have[id] != 1 {
				b.t.Errorf("%s is in the journal %d times", id, have[id])
			}
			delete(have, id)
		}
	}
	for id := range have {
		b.t.Errorf("%s is in the journal and not at the vendor's", id)
	}
}

// TestLocalSessions: with killed processes in between, every session and message is in the journal, once.
func TestLocalSessions(t *testing.T) {
	t.Parallel()
	b := open(t, textOf(audit.SourceComplianceSession), simulated.Options{})
	sessions, messages := b.truth(noon().Add(-20 * time.Hour))
	if len(sessions) < 5 || len(messages) < 100 {
		t.Fatalf("%d sessions, %d messages: the test shows little", len(sessions), len(messages))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	crashes := 0
	for cfg := (content.Config{Start: noon().Add(-20 * time.Hour)}); ; crashes++ {
		settled, stop := b.run(cfg, &crashtest.Crash{After: 5 + rng.IntN(40), Before: rng.IntN(2) == 0})
		done := settled()
		stop()
		if done {
			break
		}
	}
	if crashes < 3 {
		t.Errorf("%d crashes", crashes)
	}
	b.compare(sessions, messages)
}

// TestMetadataAlone: where the policy would withhold what was said, it is not asked for.
func TestMetadataAlone(t *testing.T) {
	t.Parallel()
	b := open(t, capture.Config{}, simulated.Options{})
	settled, stop := b.run(content.Config{Start: noon().Add(-20 * time.Hour)}, nil)
	settled()
	stop()
	if n := b.asked(func(path string) bool {
		return strings.HasSuffix(path, "/messages") || strings.HasSuffix(path, "/content")
	}); n > 0 {
		t.Errorf("%d requests for what was said", n)
	}
	n := 0
	for _, r := range b.records() {
		if r.Source != audit.SourceComplianceSession {
			continue
		}
		n++
		if r.Type != "session" || r.Account.Proved.User == "" || r.Account.Proved.Email == "" || r.Account.Proved.Org == "" || r.Surface == audit.SurfaceUnknown || r.Occurred.IsZero() {
			t.Errorf("record %+v", r)
		}
	}
	if n < 5 {
		t.Errorf("%d sessions", n)
	}
	if len(b.blocks.put) > 0 {
		t.Errorf("%d contents kept", len(b.blocks.put))
	}
}

// TestGrowingSession: what is said later becomes records, what was on record is not stored again.
func TestGrowingSession(t *testing.T) {
	t.Parallel()
	b := open(t, textOf(audit.SourceComplianceSession), simulated.Options{})
	b.clock.pass(-5 * time.Hour)
	cfg := content.Config{Start: b.clock.now().Add(-3 * time.Hour)}
	settled, stop := b.run(cfg, nil)
	settled()
	stop()
	before := len(b.records())
	b.clock.pass(2 * time.Hour)
	settled, stop = b.run(cfg, nil)
	settled()
	stop()
	sessions, messages := b.truth(cfg.Start)
	have := map[string]int{}
	for _, r := range b.records() {
		have[r.ID]++
	}
	for id := range messages {
		if have[id] != 1 {
			t.Errorf("%s is in the journal %d times", id, have[id])
		}
	}
	changed := 0
	for id := range sessions {
		if have[id] > 1 {
			changed++
		}
	}
	if changed == 0 || len(b.records()) <= before {
		t.Errorf("%d sessions changed, %d records after %d: the test shows little", changed, len(b.records()), before)
	}
	put := b.blocks.copy()
	settled, stop = b.run(cfg, nil)
	settled()
	stop()
	for what, n := range b.blocks.copy() {
		if n > put[what] {
			t.Errorf("stored %d times after %d: %.120q", n, put[what], what)
		}
	}
}
