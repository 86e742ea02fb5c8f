package normalise_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/auditexport/file"
	"github.com/tripod-audit/tripod/internal/collect/auditexport/normalise"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const header = "created_at,actor_info,event,event_info,entity_info,ip_address,device_id,user_agent,client_platform\n"

var origin = normalise.Origin{Org: "11111111-2222-4333-8444-555555555555", Received: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}

func drafts(t *testing.T, export []byte) []normalise.Draft {
	t.Helper()
	r, err := file.NewReader(bytes.NewReader(export))
	if err != nil {
		t.Fatal(err)
	}
	var list []normalise.Draft
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, normalise.Row(&row, origin))
	}
}

// one is the draft of one row.
func one(t *testing.T, row string) normalise.Draft {
	t.Helper()
	list := drafts(t, []byte(header+row+"\n"))
	if len(list) != 1 {
		t.Fatalf("%d rows in %s", len(list), row)
	}
	return list[0]
}

// canonical renders a draft as the record would look once it is through the door, where nothing but metadata is kept.
func canonical(d normalise.Draft) string {
	r := *d.Record
	r.Version = audit.SchemaVersion
	for _, p := range d.Pieces {
		r.Content = append(r.Content, audit.Content{Name: p.Name, Class: p.Class, Kind: p.Kind.String(), Bytes: p.Bytes, Truncated: p.Truncated})
	}
	return string(r.AppendCanonical(nil))
}

// TestGolden holds what the rows of an export become: canonical records, with their content by name and length.
func TestGolden(t *testing.T) {
	t.Parallel()
	export, err := os.ReadFile("testdata/export.csv")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, d := range drafts(t, export) {
		got.WriteString(canonical(d) + "\n")
	}
	const path = "testdata/records.jsonl"
	if *update {
		if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestNoContentInRecords: what people wrote or named stands in no record.
func TestNoContentInRecords(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/records.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"Jane Doe", "Reece", "O'Neil", "New Person", "Quarterly", "Secret plan", "salaries", "+49", "words somebody", "sentence", "with spaces", "boss@", "new kind", "a device"} {
		if bytes.Contains(b, []byte(word)) {
			t.Errorf("%q stands in a record", word)
		}
	}
}

// TestEvents holds the table of events: every name once, in words of the vocabulary.
func TestEvents(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile("events.tsv")
	if err != nil {
		t.Fatal(err)
	}
	names := 0
	seen := map[string]bool{}
	for line := range strings.Lines(string(table)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		names++
		name, _, _ := strings.Cut(line, "\t")
		if seen[name] {
			t.Errorf("%s comes twice", name)
		}
		seen[name] = true
		r := one(t, "2026-10-01T08:00:00Z,{},"+name+",{'is_successful': True},{},,,,").Record
		if r.HasFlag(audit.FlagUnknownType) || len(r.Flags) > 0 || r.Type != name {
			t.Errorf("%s: type %q with %v", name, r.Type, r.Flags)
		}
		if !contains(audit.Activities(), r.Activity) || r.Activity == audit.ActivityUnclassified || !contains(audit.Surfaces(), r.Surface) ||
			!contains([]audit.Outcome{audit.OutcomeSuccess, audit.OutcomeFailure, audit.OutcomeDenied, audit.OutcomeUnknown}, r.Outcome) {
			t.Errorf("%s: %s %s %s", name, r.Activity, r.Outcome, r.Surface)
		}
		if api, ok := r.Attributes.Get("api_activity"); ok {
			for _, a := range api.Items() {
				if !regexp.MustCompile(`^[a-z_]+$`).MatchString(a.Str()) {
					t.Errorf("%s: counterpart %q", name, a.Str())
				}
			}
		}
	}
	if names != 172 {
		t.Errorf("%d events, want 172", names)
	}
}

func contains[T comparable](list []T, v T) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}

// TestIdentity: one act is recognised however a file tells it, and two acts are never taken for one.
func TestIdentity(t *testing.T) {
	t.Parallel()
	const base = `2026-10-01T08:00:00.5Z,"{'name': 'Jane', 'uuid': 'u-1', 'metadata': {'email_address': 'j@example.com'}}",conversation_created,"{'a': 1, 'b': 'x'}","{'type': 'chat_conversation', 'uuid': 'c-1', 'name': 'A'}",192.0.2.1,d-1,agent,ios`
	want := one(t, base).Identity
	same := map[string]string{
		"other spelling":    `2026-10-01T08:00:00.500000+00:00,"{""uuid"": ""u-1"", ""name"": ""Jane""}",conversation_created,"{""b"": ""x"", ""a"": 1}","{'uuid': 'c-1', 'type': 'chat_conversation'}",192.0.2.1,d-1,agent,ios`,
		"renamed since":     strings.NewReplacer("'Jane'", "'Jane Smith'", "'A'", "'B'").Replace(base),
		"unescaped name":    strings.Replace(base, "'Jane'", "'J'ane'", 1),
		"other agent":       strings.Replace(base, "agent,ios", "agent/2,android", 1),
		"new address since": strings.Replace(base, "j@example.com", "k@example.com", 1),
	}
	for name, row := range same {
		if got := one(t, row).Identity; !bytes.Equal(got, want) {
			t.Errorf("%s: another identity:\n%q\n%q", name, got, want)
		}
	}
	for _, change := range [][2]string{
		{"08:00:00.5Z", "08:00:00.500001Z"}, {"conversation_created", "conversation_deleted"}, {"u-1", "u-2"}, {"c-1", "c-2"}, {"'a': 1", "'a': 2"},
		{"192.0.2.1", "192.0.2.2"}, {"d-1", "d-2"}, {"chat_conversation", "chat_project"},
	} {
		if got := one(t, strings.Replace(base, change[0], change[1], 1)).Identity; bytes.Equal(got, want) {
			t.Errorf("%s instead of %s: the same identity", change[1], change[0])
		}
	}
	r, err := file.NewReader(strings.NewReader(header + base))
	if err != nil {
		t.Fatal(err)
	}
	row, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	other := origin
	other.Org = "another"
	if bytes.Equal(normalise.Row(&row, other).Identity, want) {
		t.Error("another organisation: the same identity")
	}
}

// TestIdentityBytes holds the bytes ids rest on: a change makes every row that is imported again a new record.
func TestIdentityBytes(t *testing.T) {
	t.Parallel()
	got := one(t, `2026-10-01T08:00:00Z,{'uuid': 'u'},x,{'a': 1},"{'type': 't', 'uuid': 'e'}",192.0.2.1,d,agent,ios`).Identity
	want := "\x13audit_export/row/v1\x24" + origin.Org + "\x142026-10-01T08:00:00Z\x01x\x01u\x03t\x00e\x07{\"a\":1}\x09192.0.2.1\x01d"
	if string(got) != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// FuzzRow: nothing panics; every record has what a record must have, holds no text that is none of its own, and reads back;
// the same row gives the same draft again.
func FuzzRow(f *testing.F) {
	export, err := os.ReadFile("testdata/export.csv")
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(export) {
		f.Add(string(line))
	}
	f.Fuzz(func(t *testing.T, row string) {
		for _, d := range readable(header + row) {
			check(t, d)
		}
		if a, b := readable(header+row), readable(header+row); len(a) > 0 && (canonical(a[0]) != canonical(b[0]) || !bytes.Equal(a[0].Identity, b[0].Identity)) {
			t.Fatal("the same row gives another draft")
		}
	})
}

func readable(export string) (list []normalise.Draft) {
	r, err := file.NewReader(strings.NewReader(export))
	if err != nil {
		return nil
	}
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err == nil {
			list = append(list, normalise.Row(&row, origin))
		}
	}
}

func check(t *testing.T, d normalise.Draft) {
	t.Helper()
	r := d.Record
	if r.Source != audit.SourceAuditExport || r.Surface == "" || r.Activity == "" || r.Type == "" || r.Outcome == "" || r.Occurred.IsZero() ||
		r.Container == "" || len(r.Container) > 512 || len(d.Identity) == 0 || r.Account.Proved.Email != "" {
		t.Fatalf("something is missing: %s", canonical(d))
	}
	for _, a := range r.Attributes {
		if len(a.Name) > audit.MaxName+20 || len(a.Value.Str()) > audit.MaxKeptString || strings.ContainsAny(a.Name, " \n") {
			t.Fatalf("%d bytes of text under %q", len(a.Value.Str()), a.Name)
		}
	}
	for _, s := range []string{r.Type, r.Account.Asserted.UUID, r.Account.Asserted.Email, r.Account.Asserted.Device, r.Keys.Chat, r.Keys.Project, r.IP} {
		if len(s) > audit.MaxKeptString || !utf8.ValidString(s) || strings.ContainsAny(s, " \n\"'") {
			t.Fatalf("%q stands in the record", s)
		}
	}
	line := canonical(d)
	back, err := audit.Decode([]byte(line))
	if err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	if again := string(back.AppendCanonical(nil)); again != line {
		t.Fatalf("reads back as another record:\n%s\n%s", line, again)
	}
}
