package audit_test

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
)

// TestDocumentation holds docs/record.md against the code, in both directions for fields.
func TestDocumentation(t *testing.T) {
	raw, err := os.ReadFile("../../docs/record.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(raw)
	sections := map[string]any{
		"## Fields": audit.Record{}, "### Identity": audit.Identity{}, "### Keys": audit.Keys{}, "### Parts": audit.Part{}, "### Content": audit.Content{},
	}
	for title, sample := range sections {
		text := section(t, doc, title)
		documented := map[string]bool{}
		for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_.]+)`").FindAllStringSubmatch(text, -1) {
			documented[m[1]] = true
		}
		for _, name := range jsonNames(reflect.TypeOf(sample)) {
			if !documented[name] {
				t.Errorf("%s: field %q is not described", title, name)
			}
			delete(documented, name)
		}
		delete(documented, "seq") // printed beside the stored bytes
		for name := range documented {
			t.Errorf("%s: describes %q, which the code does not have", title, name)
		}
	}
	for _, a := range audit.Activities() {
		if !strings.Contains(section(t, doc, "## Activities"), fmt.Sprintf("`%s`", a)) {
			t.Errorf("activity %q is not listed", a)
		}
	}
	for _, f := range audit.Flags() {
		if !strings.Contains(section(t, doc, "## Flags"), fmt.Sprintf("| `%s` |", f)) {
			t.Errorf("flag %q is not described", f)
		}
	}
	for _, m := range regexp.MustCompile("`([a-z_.]+)`").FindAllStringSubmatch(section(t, doc, "## Sources"), -1) {
		if audit.Source(m[1]).Plane() == "" {
			t.Errorf("source %q is listed and unknown to the code", m[1])
		}
	}
}

func section(t *testing.T, doc, title string) string {
	t.Helper()
	_, rest, ok := strings.Cut(doc, "\n"+title)
	if !ok {
		t.Fatalf("docs/record.md has no section %q", title)
	}
	_, rest, _ = strings.Cut(rest, "\n")
	if i := regexp.MustCompile(`(?m)^##`).FindStringIndex(rest); i != nil {
		rest = rest[:i[0]]
	}
	return rest
}

// jsonNames lists the fields of a struct as they stand in JSON; account is described by its two identities.
func jsonNames(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "account" {
			names = append(names, "account.asserted", "account.proved")
			continue
		}
		names = append(names, name)
	}
	return names
}
