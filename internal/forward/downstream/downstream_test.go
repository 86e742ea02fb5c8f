package downstream

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/forward/ecs"
	"github.com/tripod-audit/tripod/internal/forward/ocsf"
)

// events are those of every known type, and a finding and a checkpoint.
func events(t *testing.T, write func([]byte, uint64, *audit.Record) ([]byte, error)) (list []map[string]any) {
	t.Helper()
	f, err := os.Open("../ocsf/testdata/records.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	add := func(b []byte, err error) {
		t.Helper()
		var e map[string]any
		if err == nil {
			err = json.Unmarshal(b, &e)
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	for s := bufio.NewScanner(z); s.Scan(); {
		r, err := audit.Decode(s.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		add(write(nil, uint64(len(list)+1), r))
	}
	if len(list) < 1000 {
		t.Fatalf("%d events", len(list))
	}
	add(ocsf.AppendFinding(nil, ocsf.Version, &ocsf.Finding{ID: "f", Title: "t", Rule: "r", Sentence: "s", Count: 1}))
	add(ocsf.AppendCheckpoint(nil, ocsf.Version, &ocsf.Checkpoint{Origin: "o", Size: 1, Note: "n"}))
	return list
}

// has reports whether an event has something at a place.
func has(e map[string]any, place string) bool {
	var at any = e
	for _, name := range strings.Split(place, ".") {
		name, first := strings.CutSuffix(name, "[0]")
		object, ok := at.(map[string]any)
		if !ok {
			return false
		}
		if at, ok = object[name]; !ok {
			return false
		}
		if list, ok := at.([]any); first && ok && len(list) > 0 {
			at = list[0]
		} else if first {
			return false
		}
	}
	return true
}

func load(t *testing.T) *tables {
	t.Helper()
	tables, err := read()
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// TestEveryEventIsMapped: each event has a line, and each place the tables name is one that events have.
func TestEveryEventIsMapped(t *testing.T) {
	t.Parallel()
	tables, all := load(t), events(t, ocsf.Append)
	known, seen := map[string]bool{}, map[string]bool{}
	for _, c := range tables.classes {
		if name := fmt.Sprint(c.uid, c.activity); known[name] {
			t.Errorf("%s comes again", name)
		} else {
			known[name] = true
		}
	}
	top := map[string]bool{}
	for _, c := range columns {
		top[c.name] = true
	}
	for _, e := range slices.Concat(all, events(t, ocsf.Append180)) {
		if name := fmt.Sprint(e["class_uid"], e["activity_id"]); !known[name] {
			t.Fatalf("class and activity %s have no line", name)
		}
		for name := range e {
			if !top[name] {
				t.Fatalf("%s is no column of Sentinel's table", name)
			}
		}
	}
	for _, f := range tables.fields {
		if seen[f.ocsf] {
			t.Errorf("%s comes again", f.ocsf)
		}
		if seen[f.ocsf] = true; !slices.ContainsFunc(all, func(e map[string]any) bool { return has(e, f.ocsf) }) {
			t.Errorf("no event has %s", f.ocsf)
		}
	}
}

// The words of others' models the tables may use.
const (
	cimTags    = "alert authentication change account audit"
	cimActions = "created deleted acl_modified modified read stopped started restarted -"
	asimTypes  = `AuditEvent: Set Read Create Delete Execute Install Clear Enable Disable Initialize Start Stop Terminate Other
		Authentication: Logon Logoff Elevate
		UserManagement: UserCreated UserDeleted UserModified UserLocked UserUnlocked UserDisabled UserEnabled PasswordChanged PasswordReset
		GroupCreated GroupDeleted GroupModified UserAddedToGroup UserRemovedFromGroup -`
	udmTypes = `GENERIC_EVENT GROUP_CREATION GROUP_DELETION GROUP_MODIFICATION NETWORK_CONNECTION SCAN_UNCATEGORIZED SERVICE_CREATION SERVICE_DELETION
		SERVICE_MODIFICATION SERVICE_START SERVICE_STOP SETTING_CREATION SETTING_DELETION SETTING_MODIFICATION STATUS_UPDATE USER_CHANGE_PASSWORD
		USER_CHANGE_PERMISSIONS USER_CREATION USER_DELETION USER_LOGIN USER_LOGOUT USER_RESOURCE_ACCESS USER_RESOURCE_CREATION USER_RESOURCE_DELETION
		USER_RESOURCE_UPDATE_CONTENT USER_RESOURCE_UPDATE_PERMISSIONS USER_UNCATEGORIZED`
)

func TestWords(t *testing.T) {
	t.Parallel()
	in := func(list, word string) bool { return slices.Contains(strings.Fields(list), word) }
	for _, c := range load(t).classes {
		for _, tag := range c.tags {
			if !in(cimTags, tag) {
				t.Errorf("%d %d: tag %s", c.uid, c.activity, tag)
			}
		}
		if !in(cimActions, c.action) || !in(asimTypes, c.eventType) || !in(udmTypes, c.udm) || c.schema != none && !in(asimTypes, c.schema+":") {
			t.Errorf("%d %d: %s, %s %s, %s", c.uid, c.activity, c.action, c.schema, c.eventType, c.udm)
		}
	}
}

// TestPipelines reads the pipelines as pySigma would: every field of a record is mapped to a place that events have.
func TestPipelines(t *testing.T) {
	t.Parallel()
	list, err := Files("pysigma")
	if err != nil {
		t.Fatal(err)
	}
	inOCSF, inECS := events(t, ocsf.Append), events(t, ecs.Append)
	for _, f := range list {
		var p struct {
			Name            string
			Priority        int
			Transformations []struct {
				ID, Type   string
				Mapping    map[string]any
				Conditions map[string]string
			}
		}
		if err := yaml.UnmarshalWithOptions(f.Data, &p, yaml.Strict()); err != nil {
			t.Fatalf("%s: %v", f.Path, err)
		}
		all := inOCSF
		if strings.Contains(f.Path, "elastic") {
			all = inECS
		}
		if len(p.Transformations) != 3 {
			t.Fatalf("%s: %d transformations", f.Path, len(p.Transformations))
		}
		for _, tr := range p.Transformations[:2] {
			for from, to := range tr.Mapping {
				places, many := to.([]any)
				if !many {
					places = []any{to}
				}
				ok := slices.ContainsFunc(places, func(place any) bool {
					return slices.ContainsFunc(all, func(e map[string]any) bool { return has(e, strings.TrimSuffix(place.(string), ".")) })
				})
				if !ok {
					t.Errorf("%s: %s goes to %v, which no event has", f.Path, from, to)
				}
			}
		}
	}
	for _, f := range recordFields(t) {
		named := slices.ContainsFunc(taxonomy, func(x struct {
			field     string
			ocsf, ecs []string
		}) bool {
			return x.field == f
		})
		if !named && f != "attributes" && !slices.Contains(prefixes, f+".") {
			t.Errorf("the field %s of a record is not mapped", f)
		}
	}
}

// recordFields are the fields of a record, as it is stored.
func recordFields(t *testing.T) []string {
	t.Helper()
	found := map[string]bool{}
	for _, e := range events(t, ecs.Append) {
		record, _ := e["tripod"].(map[string]any)
		for name := range record {
			found[name] = true
		}
	}
	return sortedKeys(found)
}

func TestWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 { // the second time over the first
		paths, err := Write(dir, Targets())
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if err != nil || len(b) == 0 || bytes.Contains(b, []byte("%!")) {
				t.Errorf("%s: %v\n%s", path, err, b)
			}
			if filepath.Ext(path) == ".json" && !json.Valid(b) {
				t.Errorf("%s is no JSON", path)
			}
		}
		if len(paths) != 13 {
			t.Errorf("%d files: %v", len(paths), paths)
		}
	}
	if _, err := Write(dir, []string{"none"}); err == nil {
		t.Error("files for an unknown target")
	}
}

// TestParsersBalance holds that the brackets of the parsers pair and that no statement breaks off.
func TestParsersBalance(t *testing.T) {
	t.Parallel()
	list, err := Files("sentinel")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		for _, pair := range []string{"()", "[]", "{}"} {
			if a, b := bytes.Count(f.Data, []byte(pair[:1])), bytes.Count(f.Data, []byte(pair[1:])); a != b {
				t.Errorf("%s: %d %s and %d %s", f.Path, a, pair[:1], b, pair[1:])
			}
		}
		if bytes.Contains(f.Data, []byte(",\n|")) {
			t.Errorf("%s: a list ends in a comma", f.Path)
		}
	}
}
