package normalise_test

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp/normalise"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden holds what the real client's exports become: canonical records, with their content by name and length.
func TestGolden(t *testing.T) {
	got := map[string][]byte{}
	for _, e := range fixtures(t) {
		for _, d := range drafts(t, e, origin) {
			got[e.name] = append(canonical(got[e.name], d), '\n')
		}
	}
	for name, records := range got {
		path := testdata + "golden/" + name + ".jsonl"
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, records, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(records, want) {
			t.Errorf("%s (-want +got):\n%s", name, cmp.Diff(lines(want), lines(records)))
		}
	}
}

func lines(b []byte) []string {
	var list []string
	for _, l := range bytes.Split(b, []byte("\n")) {
		list = append(list, string(l))
	}
	return list
}

// canonical renders a draft as the record would look once it is through the door, where nothing but metadata is kept.
func canonical(b []byte, d normalise.Draft) []byte {
	r := *d.Record
	r.Version = audit.SchemaVersion
	for _, p := range d.Pieces {
		c := audit.Content{Name: p.Name, Class: p.Class, Kind: p.Kind.String(), Bytes: p.Bytes, Withheld: p.Withheld, Truncated: p.Truncated}
		r.Content = append(r.Content, c)
	}
	return r.AppendCanonical(b)
}

// TestGoldenForms holds the forms themselves: record ids rest on them, so a change makes every re-delivery a new record.
func TestGoldenForms(t *testing.T) {
	var got strings.Builder
	for _, e := range fixtures(t) {
		h := sha256.New()
		for _, d := range drafts(t, e, origin) {
			h.Write(d.Form)
		}
		fmt.Fprintf(&got, "%s %s %x\n", e.name, e.signal, h.Sum(nil)[:16])
	}
	path := testdata + "golden/forms.txt"
	if *update {
		if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(read(t, path), got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
