package schema_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/forward/ocsf/schema"
)

// valid is a valid event: a call of an API.
const valid = `{"activity_id":1,"category_uid":6,"class_uid":6003,"type_uid":600301,"severity_id":1,"time":1795162150500,
"metadata":{"version":"1.6.0","product":{"name":"p"},"profiles":["host"]},
"actor":{"user":{"uid":"u","email_addr":"a@example.com"}},"device":{"uid":"d","type_id":0},"src_endpoint":{"ip":"192.0.2.7","port":443},
"http_request":{"http_method":"GET"},"resources":[{"name":"r","data":{"any":["thing"]}}],"api":{"operation":"o"},"unmapped":{"any":{"thing":[1,null]}}}`

// edit changes one event: path to value, null takes the attribute away.
func edit(t *testing.T, event, path, value string) []byte {
	t.Helper()
	var top map[string]any
	if err := json.Unmarshal([]byte(event), &top); err != nil {
		t.Fatal(err)
	}
	names := strings.Split(path, ".")
	at := top
	for _, name := range names[:len(names)-1] {
		switch in := at[name].(type) {
		case map[string]any:
			at = in
		case []any:
			at = in[0].(map[string]any)
		default:
			t.Fatalf("nothing at %s", path)
		}
	}
	last := names[len(names)-1]
	if value == "" {
		delete(at, last)
	} else {
		at[last] = json.RawMessage(value)
	}
	b, err := json.Marshal(top)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func load(t testing.TB, version string) *schema.Schema {
	t.Helper()
	s, err := schema.Load(version)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestEachRuleBroken breaks every rule once. Each wrong event has the one problem it was given, at its place.
func TestEachRuleBroken(t *testing.T) {
	t.Parallel()
	s := load(t, "1.6.0")
	if p := s.Validate([]byte(valid)); len(p) > 0 {
		t.Fatalf("the valid event: %v", p)
	}
	test := func(path, value, at, says string) {
		t.Helper()
		got := s.Validate(edit(t, valid, path, value))
		if len(got) != 1 || got[0].Path != at || !strings.Contains(got[0].Text, says) {
			t.Errorf("%s = %s: %v, want %s: …%s…", path, value, got, at, says)
		}
	}
	test("time", "", "time", "required")
	test("metadata.product", "", "metadata.product", "required")
	test("metadata.version", "", "metadata.version", "required")
	test("api.operation", "", "api.operation", "required")
	test("actor", "", "actor", "required")
	test("device.type_id", "", "device.type_id", "required")
	test("class_uid", "", "class_uid", "required")
	test("class_uid", "6999", "class_uid", "no class 6999")
	test("class_uid", `"6003"`, "class_uid", "whole number")
	test("category_uid", "5", "category_uid", "none of the values")
	test("type_uid", "600302", "type_uid", "class_uid*100")
	test("severity_id", "12", "severity_id", "none of the values")
	test("severity_id", "1.5", "severity_id", "whole number")
	test("severity_id", `"1"`, "severity_id", "whole number")
	test("time", "99999999999999999999", "time", "whole number")
	test("invented", "1", "invented", "no such attribute")
	test("actor.invented", "1", "actor.invented", "no such attribute")
	test("resources.invented", "1", "resources[0].invented", "no such attribute")
	test("actor.user", `{"email_addr":"a@example.com"}`, "actor.user", "at least one of account, name, uid")
	test("actor", "{}", "actor", "at least one of")
	test("src_endpoint.ip", `"300.1.1.1"`, "src_endpoint.ip", "no ip_t")
	test("src_endpoint.ip", `"`+strings.Repeat("1", 41)+`"`, "src_endpoint.ip", "at most 40")
	test("src_endpoint.port", "65536", "src_endpoint.port", "between 0 and 65535")
	test("actor.user.email_addr", `"nobody"`, "actor.user.email_addr", "no email_t")
	test("http_request.http_method", `"LOOK"`, "http_request.http_method", "none of the values")
	test("resources", `{"name":"r"}`, "resources", "must be a list")
	test("resources", `["r"]`, "resources[0]", "must be an object")
	test("api", `"o"`, "api", "must be an object")
	test("unmapped", `"x"`, "unmapped", "must be an object")
	test("message", "1", "message", "must be a string")
	test("actor.user.has_mfa", `"yes"`, "actor.user.has_mfa", "true or false")
	test("cloud", `{"provider":"x"}`, "cloud", "profile cloud")
	test("action_id", "2", "action_id", "profile security_control")
	test("metadata.profiles", `["host","invented"]`, "metadata.profiles[1]", "does not take the profile invented")
	test("metadata.version", `"1.8.0"`, "metadata.version", "checked against 1.6.0")
	test("time", `"now"`, "time", "whole number")
	test("time", "null", "time", "whole number")

	two := s.Validate(edit(t, valid, "activity_id", "7")) // type_uid follows from it
	if len(two) != 2 || two[0].Path != "activity_id" || two[1].Path != "type_uid" {
		t.Errorf("activity_id = 7: %v", two)
	}
}

// TestProfiles: an attribute of a profile is legal where the event names it, and what the profile requires is required then.
func TestProfiles(t *testing.T) {
	t.Parallel()
	s := load(t, "1.6.0")
	without := edit(t, valid, "metadata.profiles", "[]")
	if got := s.Validate(without); len(got) != 1 || got[0].Path != "device" {
		t.Errorf("device without the profile host: %v", got)
	}
	if got := s.Validate(edit(t, string(without), "device", "")); len(got) != 0 {
		t.Errorf("the class's own actor: %v", got)
	}
	cloud := edit(t, valid, "metadata.profiles", `["host","cloud"]`)
	if got := s.Validate(cloud); len(got) != 1 || got[0].Path != "cloud" || got[0].Text != "is required" {
		t.Errorf("the profile cloud without a cloud: %v", got)
	}
	if got := s.Validate(edit(t, string(cloud), "cloud", `{"provider":"x"}`)); len(got) != 0 {
		t.Errorf("the profile cloud: %v", got)
	}
}

// TestOneOf holds constraints of classes.
func TestOneOf(t *testing.T) {
	t.Parallel()
	const authorize = `{"activity_id":1,"category_uid":3,"class_uid":3003,"type_uid":300301,"severity_id":1,"time":1,
		"metadata":{"version":"1.6.0","product":{"uid":"p"}},"user":{"name":"u"},"privileges":["p"]}`
	s := load(t, "1.6.0")
	if got := s.Validate([]byte(authorize)); len(got) != 0 {
		t.Fatal(got)
	}
	for _, wrong := range [][]byte{edit(t, authorize, "privileges", ""), edit(t, authorize, "group", `{"name":"g"}`)} {
		if got := s.Validate(wrong); len(got) != 1 || !strings.Contains(got[0].Text, "just one of privileges, group") {
			t.Errorf("%s: %v", wrong, got)
		}
	}
}

func TestNoEvent(t *testing.T) {
	t.Parallel()
	s := load(t, "1.8.0")
	for _, wrong := range []string{"", "{", "[]", "null", "1", `"x"`, `{"class_uid":6003,"class_uid":6003}`, "{\"class_uid\":\"\xff\"}", `{} {}`} {
		if got := s.Validate([]byte(wrong)); len(got) != 1 {
			t.Errorf("%q: %v", wrong, got)
		}
	}
	if _, err := schema.Load("0.1"); err == nil {
		t.Error("an unknown version loads")
	}
}

// TestWhole: every version resolves, with as many classes as the schema's own list has, each with what every event has.
func TestWhole(t *testing.T) {
	t.Parallel()
	for version, classes := range map[string]int{"1.6.0": 75, "1.8.0": 76} {
		s := load(t, version)
		if len(s.Classes) != classes {
			t.Errorf("%s: %d classes, want %d", version, len(s.Classes), classes)
		}
		for uid, c := range s.Classes {
			for _, name := range []string{"activity_id", "class_uid", "category_uid", "type_uid", "severity_id", "time", "metadata"} {
				if a := c.Attributes[name]; a == nil || !a.Required || a.Profile != "" {
					t.Errorf("%s %d: %s is not required", version, uid, name)
				}
			}
			if c.Caption == "" || uid/1000 != c.CategoryUID {
				t.Errorf("%s %d: %q in category %d", version, uid, c.Caption, c.CategoryUID)
			}
		}
	}
	if _, ok := load(t, "1.8.0").Classes[6003].Attributes["ai_model"]; !ok {
		t.Error("1.8.0 has no ai_model in API activity")
	}
	if _, ok := load(t, "1.6.0").Classes[6003].Attributes["ai_model"]; ok {
		t.Error("1.6.0 has ai_model")
	}
}

// FuzzValidate: no bytes make it panic, and what it finds valid is an object of a class there is.
func FuzzValidate(f *testing.F) {
	f.Add([]byte(valid))
	f.Add([]byte(`{"class_uid":2004,"metadata":{"profiles":[1,"host"]},"finding_info":[]}`))
	f.Add([]byte(`{"class_uid":1e3,"metadata":[]}`))
	f.Add([]byte(`{"class_uid":6001,"web_resources":[{"name":{}},[],null]}`))
	s := load(f, "1.6.0")
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(s.Validate(b)) > 0 {
			return
		}
		var e struct {
			Class *int   `json:"class_uid"`
			Time  *int64 `json:"time"`
		}
		if err := json.Unmarshal(b, &e); err != nil || e.Class == nil || e.Time == nil || s.Classes[*e.Class] == nil {
			t.Errorf("%s passes: %v", b, err)
		}
	})
}
