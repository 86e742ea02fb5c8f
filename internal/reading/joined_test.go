package reading_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/reading/readingtest"
)

// use is a record of a tool use.
func use(n int, source audit.Source, session, id string) *audit.Record {
	r := record(n, session)
	r.Source, r.Activity, r.Type, r.Keys.ToolUse = source, audit.ActivityToolResult, "tool_result", id
	return r
}

// TestSessionOfTwoIDs: the client's id and the vendor's are one session, where they share the id of a tool use; others
// stay apart.
func TestSessionOfTwoIDs(t *testing.T) {
	t.Parallel()
	const vendor, client = audit.SourceComplianceSession, audit.SourceOTelLog
	records := []*audit.Record{
		record(1, "uuid-1"), use(2, client, "uuid-1", "toolu_1"), use(3, vendor, "clls_1", "toolu_1"), record(4, "uuid-1"),
		use(5, vendor, "clls_1", "toolu_2"),    // of which the client told nothing
		use(6, client, "uuid-2", "toolu_3"),    // which the vendor has not
		use(7, client, "uuid-3", "toolu_3"),    // two of one plane are not joined by a tool use
		use(8, vendor, "clls_2", "toolu_far"),  // of a session so long
		use(200, client, "uuid-4", "toolu_54"), // that not all of its tool uses are asked for
	}
	for n := range 60 {
		records = append(records, use(10+n, client, "uuid-4", fmt.Sprintf("toolu_4_%d", n)), use(80+n, vendor, "clls_4", fmt.Sprintf("toolu_4_%d", n)))
	}
	r := readingtest.Build(t, records...).Reader()
	f := func(id, also, want string) {
		t.Helper()
		s, err := r.Session(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(s.Also); got != "["+also+"]" {
			t.Errorf("%s is also %s, want [%s]", id, got, also)
		}
		if got := seqs(s.Items); want != "" && got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
	f("uuid-1", "clls_1", "1 2 3 4 5")
	f("clls_1", "uuid-1", "1 2 3 4 5")
	f("uuid-2", "", "6")
	f("uuid-3", "", "7")
	f("clls_2", "", "8")
	f("uuid-4", "clls_4", "")
	f("nobody", "", "")
	limited, err := r.SessionUpTo(t.Context(), "uuid-1", 3)
	if err != nil || len(limited.Items) != 3 || !limited.More || !slices.Equal(limited.Also, []string{"clls_1"}) {
		t.Errorf("up to three: %s, more %v, %v", seqs(limited.Items), limited.More, err)
	}
}

// TestSessionOfAnotherAccount: who tells of a tool use of somebody else's session is not joined to it.
func TestSessionOfAnotherAccount(t *testing.T) {
	t.Parallel()
	as := func(r *audit.Record, asserted, proved string) *audit.Record {
		r.Account = audit.Account{Asserted: audit.Identity{Email: asserted}, Proved: audit.Identity{Email: proved}}
		return r
	}
	const dana, marit = "dana@example.com", "marit@example.com"
	r := readingtest.Build(t,
		as(use(1, audit.SourceComplianceSession, "clls_1", "toolu_1"), "", dana),
		as(use(2, audit.SourceOTelLog, "uuid-1", "toolu_1"), "Dana@example.com", ""),
		as(use(3, audit.SourceOTelLog, "uuid-2", "toolu_1"), marit, ""),
		as(use(4, audit.SourceOTelLog, "uuid-3", "toolu_1"), dana, marit),
	).Reader()
	for id, want := range map[string]string{"clls_1": "[uuid-1]", "uuid-1": "[clls_1]", "uuid-2": "[]", "uuid-3": "[]"} {
		s, err := r.Session(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(s.Also); got != want {
			t.Errorf("%s is also %s, want %s", id, got, want)
		}
	}
}
