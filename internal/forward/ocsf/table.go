package ocsf

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

//go:embed types.tsv
var typesTSV string

// rule is one line of the table: what a type is in OCSF.
type rule struct {
	class    *class
	activity int
	by       []string // attributes the activity is read from; activity where they do not tell
	object   string   // "" where the class has none
	from     map[role][]source
}

// role is what of an object is named.
type role string

const (
	roleUID        role = "uid"
	roleName       role = "name"
	roleUser       role = "user"
	roleEmail      role = "email"
	roleGroup      role = "group"
	roleOrg        role = "org"
	rolePrivileges role = "privileges"
	roleResource   role = "resource"
	roleVersion    role = "version"
	roleTitle      role = "title"
)

var roles = []role{roleUID, roleName, roleUser, roleEmail, roleGroup, roleOrg, rolePrivileges, roleResource, roleVersion, roleTitle}

// source is where an identifier stands.
type source struct {
	attribute string // name of an attribute, or
	field     string // of a field of the record, or
	constant  string
}

type key struct {
	source audit.Source
	typ    string
}

// table finds the rule of a record.
type table struct {
	exact      map[key]*rule
	prefixes   map[audit.Source][]prefix
	activities map[audit.Activity]*rule
}

type prefix struct {
	text string
	rule *rule
}

var types = mustParse(typesTSV)

// mustParse reads the embedded table. That it can be read is what a test of the table begins with.
func mustParse(s string) *table {
	t, err := parse(s)
	if err != nil {
		return &table{} // every record is then one no line names
	}
	return t
}

func parse(s string) (*table, error) {
	t := &table{exact: map[key]*rule{}, prefixes: map[audit.Source][]prefix{}, activities: map[audit.Activity]*rule{}}
	n := 0
	for line := range strings.Lines(s) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := t.line(strings.Split(line, "\t")); err != nil {
			return nil, fmt.Errorf("types.tsv:%d: %w", n, err)
		}
	}
	return t, nil
}

func (t *table) line(f []string) error {
	if len(f) != 6 {
		return fmt.Errorf("has %d columns, wants 6", len(f))
	}
	r, err := t.rule(f[2:])
	if err != nil {
		return err
	}
	from, typ := audit.Source(f[0]), f[1]
	if activity, ok := strings.CutPrefix(typ, "@"); ok {
		if _, again := t.activities[audit.Activity(activity)]; again {
			return fmt.Errorf("activity %s comes again", activity)
		}
		t.activities[audit.Activity(activity)] = r
		return nil
	}
	if start, ok := strings.CutSuffix(typ, "*"); ok {
		t.prefixes[from] = append(t.prefixes[from], prefix{start, r})
		return nil
	}
	if _, again := t.exact[key{from, typ}]; again {
		return fmt.Errorf("type %s of %s comes again", typ, from)
	}
	t.exact[key{from, typ}] = r
	return nil
}

func (t *table) rule(f []string) (*rule, error) {
	if f[0] == "same" {
		r, ok := t.exact[key{audit.SourceComplianceActivity, f[1]}]
		if !ok {
			return nil, fmt.Errorf("same as %s, which no line before names", f[1])
		}
		return r, nil
	}
	uid, err := strconv.Atoi(f[0])
	if err != nil || classes[uid] == nil {
		return nil, fmt.Errorf("no class %q", f[0])
	}
	r := &rule{class: classes[uid], from: map[role][]source{}}
	if by, ok := strings.CutPrefix(f[1], "by:"); ok {
		r.by, r.activity = strings.Split(by, ","), 3
		if uid == apiActivity {
			r.activity = other
		}
	} else if r.activity, err = strconv.Atoi(f[1]); err != nil {
		return nil, fmt.Errorf("no activity %q", f[1])
	}
	if r.activity != other && r.class.activities[r.activity] == "" {
		return nil, fmt.Errorf("class %d has no activity %d", uid, r.activity)
	}
	if f[2] != "-" {
		r.object = f[2]
	}
	if f[3] == "-" {
		return r, nil
	}
	for _, part := range strings.Fields(f[3]) {
		name, list, ok := strings.Cut(part, "=")
		if !ok || !knownRole(role(name)) {
			return nil, fmt.Errorf("%q names no role", part)
		}
		for _, item := range strings.Split(list, ",") {
			r.from[role(name)] = append(r.from[role(name)], sourceOf(item))
		}
	}
	return r, nil
}

func knownRole(r role) bool {
	for _, known := range roles {
		if r == known {
			return true
		}
	}
	return false
}

func sourceOf(s string) source {
	if c, ok := strings.CutPrefix(s, "="); ok {
		return source{constant: c}
	}
	if f, ok := strings.CutPrefix(s, "@"); ok {
		return source{field: f}
	}
	return source{attribute: s}
}

// find tells the rule of a record. Every record has one.
func (t *table) find(r *audit.Record) *rule {
	if found, ok := t.exact[key{r.Source, r.Type}]; ok {
		return found
	}
	for _, p := range t.prefixes[r.Source] {
		if strings.HasPrefix(r.Type, p.text) {
			return p.rule
		}
	}
	if found, ok := t.activities[r.Activity]; ok {
		return found
	}
	return unknown
}

// unknown is the rule of what no line names: a record that could not be put into OCSF's words.
var unknown = &rule{class: classes[applicationError], activity: 2}

// Classify tells class and activity of a record's event, for other formats that sort records alike.
func Classify(r *audit.Record) (class, activity int) {
	e := event{format: &v160, r: r}
	e.classify()
	return e.class.uid, e.activity
}
