package complianceapi

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// filler makes the fields of one row: those the world tells, and for the others something of the right form.
type filler struct {
	dice  chance
	seed  string // of this row
	at    time.Time
	blank map[string]bool
	known map[string]any
	users []string
}

func (f *filler) n(n int, name string) int { return f.dice.n(n, "field", f.seed, name) }

// fields writes the fields of a kind.
func (f *filler) fields(o *object, k *kind) {
	for _, fd := range k.Fields {
		o.value(fd.Name, f.value(fd, ""))
	}
}

// value is that of one field, path being where its object is.
func (f *filler) value(fd field, path string) any {
	if path == "" {
		if f.blank[fd.Name] {
			return nil
		}
		if v, ok := f.known[fd.Name]; ok {
			return v
		}
	}
	at := path + "/" + fd.Name
	if fd.Nullable && f.n(6, at+" null") == 0 {
		return nil
	}
	if len(fd.Enum) > 0 && fd.Type == "string" {
		return fd.Enum[f.n(len(fd.Enum), at)]
	}
	switch fd.Type {
	case "boolean":
		return f.n(2, at) == 0
	case "number":
		return f.n(900, at) + 1
	case "array<string>":
		return f.strings(fd, at)
	case "array<number>":
		return []int{f.n(90, at), f.n(90, at+" 2")}
	case "object":
		return f.object(fd, at)
	case "array<object>":
		return []json.RawMessage{f.object(fd, at)}
	case "map":
		return map[string]int{"standard": f.n(50, at), "premium": f.n(20, at+" 2")}
	}
	return f.text(fd.Name, at)
}

func (f *filler) object(fd field, at string) json.RawMessage {
	members := fd.Fields
	if len(fd.Variants) > 0 {
		members = fd.Variants[f.n(len(fd.Variants), at)]
	}
	var o object
	for _, m := range members {
		o.value(m.Name, f.value(m, at))
	}
	return json.RawMessage(o.end())
}

func (f *filler) strings(fd field, at string) []string {
	if len(fd.Enum) > 0 {
		return fd.Enum[:1+f.n(len(fd.Enum), at)]
	}
	return []string{f.text(strings.TrimSuffix(fd.Name, "s"), at), f.text(strings.TrimSuffix(fd.Name, "s"), at+" 2")}
}

// prefixes of ids, by the names of the fields that hold them.
func idPrefix(name string) string {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "previous_"), "new_")
	switch {
	case strings.HasSuffix(name, "claude_project_document_id"):
		return "claude_proj_doc_01"
	case strings.HasSuffix(name, "claude_project_id"):
		return "claude_proj_01"
	case strings.HasPrefix(name, "claude_"):
		return strings.TrimSuffix(name, "_id") + "_01"
	case strings.HasSuffix(name, "api_key_id"):
		return "apikey_01"
	case name == "workspace_id":
		return "wrkspc_01"
	case name == "role_id":
		return "rbac_role_01"
	case name == "group_id":
		return "rbac_group_01"
	case name == "request_id":
		return "req_011"
	case name == "cowork_session_id":
		return "sess_01"
	case name == "agent_id":
		return "cagt_01"
	}
	return strings.TrimSuffix(name, "_id") + "_01"
}

// text is a string of the form that a name suggests.
func (f *filler) text(name, at string) string {
	switch {
	case strings.HasSuffix(name, "user_id") || name == "account_id" || name == "member_id" || name == "principal_id" || name == "new_owner_id" || name == "previous_owner_id":
		return f.users[f.n(len(f.users), at)]
	case strings.HasSuffix(name, "_uuid"):
		return f.dice.uuid("field", f.seed, at)
	case strings.HasSuffix(name, "_id"):
		return f.dice.id(idPrefix(name), "field", f.seed, at)
	case strings.HasSuffix(name, "_email"):
		return "guest" + strconv.Itoa(f.n(900, at)+100) + "@mail.example"
	case name == "accessed_at": // access by the vendor is shown within two business days
		return brief(f.at.Add(-time.Duration(2+f.n(38, at)) * time.Hour))
	case strings.HasSuffix(name, "_at"):
		return brief(f.at.Add(time.Duration(f.n(72, at)) * time.Hour))
	case strings.HasSuffix(name, "_date"):
		return f.at.AddDate(0, 0, -f.n(30, at)).Format(time.DateOnly)
	case strings.HasSuffix(name, "url"):
		return "https://service" + strconv.Itoa(f.n(90, at)) + ".nordwald.example/hook"
	case strings.HasSuffix(name, "domain") || strings.HasSuffix(name, "hostname"):
		return "host" + strconv.Itoa(f.n(90, at)) + ".nordwald.example"
	case strings.Contains(name, "hash") || strings.Contains(name, "sha256") || strings.Contains(name, "checksum"):
		return strings.ReplaceAll(f.dice.uuid("field", f.seed, at)+f.dice.uuid("field", f.seed, at+" 2"), "-", "")
	}
	return strings.ReplaceAll(name, "_", "-") + "-" + strconv.Itoa(f.n(90, at)+10)
}
