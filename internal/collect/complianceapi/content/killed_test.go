package content_test

import (
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/content"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/crashtest"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	simulated "github.com/tripod-audit/tripod/internal/simulate/complianceapi"
)

// told are the records of the vendor's content, each by what it says without when it was recorded, sorted.
func (b *bench) told() (list []string, types map[string]int) {
	types = map[string]int{}
	for _, r := range b.records() {
		if r.Source == audit.SourceTripod {
			continue
		}
		types[r.Type]++
		refs := len(r.Content)
		r.Recorded, r.Content = time.Time{}, nil
		list = append(list, string(r.AppendCanonical(nil))+" "+string(rune('0'+refs)))
	}
	slices.Sort(list)
	return list, types
}

func (b *bench) finished(cfg content.Config) {
	b.t.Helper()
	settled, stop := b.run(cfg, nil)
	settled()
	stop()
}

// TestKilledAnywhere: processes that are killed at any step, and downloads that are not whole, leave what one that runs
// through leaves: everything the vendor shows, each once.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	cfg := content.Config{Start: noon().Add(-30 * time.Hour)}
	quiet := open(t, everything(), simulated.Options{})
	quiet.finished(cfg)
	want, types := quiet.told()
	for _, typ := range []string{"session", "chat", "user_message", "assistant_message", "tool_use", "tool_result", "file", "generated_file", "artifact", "project",
		"project_access", "project_document", "project_knowledge", "code_artifact", "code_artifact_version"} {
		if types[typ] == 0 {
			t.Errorf("no record of type %s: %v", typ, types)
		}
	}
	b := open(t, everything(), simulated.Options{Faults: simulated.Faults{Mismatch: 0.2}})
	rng := rand.New(rand.NewPCG(3, 4))
	crashes := 0
	for ; crashes < 200; crashes++ {
		settled, stop := b.run(cfg, &crashtest.Crash{After: 20 + rng.IntN(300), Before: rng.IntN(2) == 0})
		done := settled()
		stop()
		if done {
			break
		}
	}
	got, _ := b.told()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after %d kills (-want +got):\n%.3000s", crashes, diff)
	}
	t.Logf("%d records, %d kills, %v", len(want), crashes, types)
	if crashes < 5 {
		t.Errorf("%d kills", crashes)
	}
}

// TestFiles: what is stored of a file is what the vendor serves, under the file's own container, and nothing of what is
// larger than the bound.
func TestFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine at a time, and long with the race detector: runs without")
	}
	t.Parallel()
	b := open(t, textOf(audit.SourceComplianceChat), simulated.Options{})
	b.finished(content.Config{Start: noon().Add(-24 * time.Hour), MaxFile: 20_000})
	c, stored, large := b.client(b), 0, 0
	for _, r := range b.records() {
		if r.Type != "file" && r.Type != "generated_file" {
			continue
		}
		body, err := c.FileContent(t.Context(), r.ID, 1<<30, api.Feed)
		if err != nil {
			t.Fatal(err)
		}
		served, err := io.ReadAll(body)
		if err != nil || body.Close() != nil {
			t.Fatal(err)
		}
		if why, ok := r.Attributes.Get("content_unavailable"); ok {
			large++
			if why.Str() != "too_large" || !r.HasFlag(audit.FlagTruncated) || slices.ContainsFunc(r.Content, func(c audit.Content) bool { return c.Name == "file" }) {
				t.Errorf("a file of %d bytes: %+v", len(served), r)
			}
			continue
		}
		stored++
		if r.Container != "file/compliance/"+r.ID || b.blocks.put[r.Container+" "+string(served)] != 1 {
			t.Errorf("%s in %s is not what is served", r.ID, r.Container)
		}
	}
	if stored < 3 || large < 3 {
		t.Errorf("%d stored, %d too large: the test shows little", stored, large)
	}
}

// TestNamesOfFiles: where the policy keeps names alone, files have theirs, and what is in them is not asked for.
func TestNamesOfFiles(t *testing.T) {
	t.Parallel()
	b := open(t, capture.Config{Rules: []capture.Rule{{Source: []audit.Source{audit.SourceComplianceChat}, Keep: audit.ClassDetail}}}, simulated.Options{})
	b.finished(content.Config{Start: noon().Add(-30 * time.Hour)})
	if n := b.asked(func(path string) bool {
		return strings.HasSuffix(path, "/messages") || strings.HasSuffix(path, "/content")
	}); n > 0 {
		t.Errorf("%d requests for what was said", n)
	}
	named, titled := 0, 0
	for _, r := range b.records() {
		for _, c := range r.Content {
			if held := c.Address != ""; held != (c.Class == audit.ClassDetail) {
				t.Errorf("%s of a %s: held %v", c.Name, r.Type, held)
			}
			switch {
			case r.Type == "file" && c.Name == "filename" && r.Keys.Chat != "":
				named++
			case r.Type == "chat" && c.Name == "name":
				titled++
			}
		}
	}
	if named < 5 || titled < 5 {
		t.Errorf("%d names of files, %d titles of chats", named, titled)
	}
}

// TestDeletedChats: a chat that its user deleted is a record that says so, whatever is left of it.
func TestDeletedChats(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine at a time, and long with the race detector: runs without")
	}
	t.Parallel()
	f := func(left simulated.DeletedChats, deleted, said bool) {
		t.Helper()
		b := open(t, textOf(audit.SourceComplianceChat), simulated.Options{DeletedChats: left})
		b.finished(content.Config{Start: noon().AddDate(0, 0, -1)})
		gone := map[string]bool{}
		for _, r := range b.records() {
			if at, _ := r.Attributes.Get("deleted_at"); r.Type == "chat" && at.Str() != "" {
				gone[r.Keys.Chat] = true
			}
		}
		messages := 0
		for _, r := range b.records() {
			if gone[r.Keys.Chat] && strings.HasSuffix(r.Type, "_message") {
				messages++
			}
		}
		if (len(gone) > 0) != deleted || (messages > 0) != said {
			t.Errorf("behaviour %d: %d deleted chats, %d messages of them", left, len(gone), messages)
		}
	}
	f(simulated.Emptied, true, false)
	f(simulated.Readable, true, true)
	f(simulated.Hidden, false, false)
}
