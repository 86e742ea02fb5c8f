package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Problem is one departure of an event from the schema.
type Problem struct {
	Path string `json:"path"` // of the attribute, as in "metadata.product.name" or "web_resources[0]"; "" for the event
	Text string `json:"text"` // what is wrong with it; of values it repeats numbers and, bounded, words of closed lists
}

func (p Problem) String() string {
	if p.Path == "" {
		return p.Text
	}
	return p.Path + ": " + p.Text
}

// mostProblems bounds what is reported of one event.
const mostProblems = 100

// Validate checks an event, one JSON object, and reports what is wrong with it by path; none for a valid event.
func (s *Schema) Validate(event []byte) []Problem {
	v := validation{s: s}
	object, ok := v.decode(event)
	if !ok {
		return v.problems
	}
	class := v.class(object)
	if class == nil {
		return v.problems
	}
	v.profiles(class, object)
	v.object("", &class.Object, object)
	v.typeUID(object)
	v.version(object)
	slices.SortStableFunc(v.problems, func(a, b Problem) int { return strings.Compare(a.Path, b.Path) })
	return v.problems
}

type validation struct {
	s        *Schema
	named    []string // profiles the event names
	problems []Problem
}

func (v *validation) say(path, format string, args ...any) {
	if len(v.problems) < mostProblems {
		v.problems = append(v.problems, Problem{path, fmt.Sprintf(format, args...)})
	}
}

// decode reads the event. Two attributes of one name would be read differently by different readers, and are refused.
func (v *validation) decode(event []byte) (map[string]any, bool) {
	if !jsontext.Value(event).IsValid() {
		v.say("", "is no JSON object, or names an attribute twice, or is no UTF-8")
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(event))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil || object == nil {
		v.say("", "is no JSON object")
		return nil, false
	}
	return object, true
}

func (v *validation) class(event map[string]any) *Class {
	uid, ok := whole(event["class_uid"])
	if !ok {
		v.say("class_uid", "is required and must be a whole number")
		return nil
	}
	class, ok := v.s.Classes[int(uid)]
	if !ok || int64(int(uid)) != uid {
		v.say("class_uid", "OCSF %s has no class %d", v.s.Version, uid)
		return nil
	}
	return class
}

func (v *validation) profiles(class *Class, event map[string]any) {
	metadata, _ := event["metadata"].(map[string]any)
	list, _ := metadata["profiles"].([]any)
	for i, item := range list {
		name, ok := item.(string)
		if !ok {
			continue // told where its type is checked
		}
		if !slices.Contains(class.Profiles, name) {
			v.say(index("metadata.profiles", i), "%s does not take the profile %s", class.Name, clean(name))
			continue
		}
		v.named = append(v.named, name)
	}
}

// typeUID checks the number that follows from two others.
func (v *validation) typeUID(event map[string]any) {
	class, _ := whole(event["class_uid"])
	activity, okA := whole(event["activity_id"])
	typ, okT := whole(event["type_uid"])
	if okA && okT && typ != class*100+activity {
		v.say("type_uid", "is %d, and must be class_uid*100 + activity_id = %d", typ, class*100+activity)
	}
}

func (v *validation) version(event map[string]any) {
	metadata, _ := event["metadata"].(map[string]any)
	if said, ok := metadata["version"].(string); ok && said != v.s.Version {
		v.say("metadata.version", "is %s, checked against %s", clean(said), v.s.Version)
	}
}

func (v *validation) object(path string, o *Object, has map[string]any) {
	for _, name := range sortedKeys(has) {
		a, ok := o.Attributes[name]
		switch at := join(path, name); {
		case !ok:
			v.say(at, "%s has no such attribute", o.Name)
		case !v.inForce(a):
			v.say(at, "belongs to the profile %s, which metadata.profiles does not name", a.Profile)
		default:
			v.attribute(at, a, has[name])
		}
	}
	for name, a := range o.Attributes {
		if _, ok := has[name]; !ok && a.Required && v.inForce(a) {
			v.say(join(path, name), "is required")
		}
	}
	if len(o.AtLeastOne) > 0 && count(has, o.AtLeastOne) == 0 {
		v.say(path, "%s needs at least one of %s", o.Name, strings.Join(o.AtLeastOne, ", "))
	}
	if n := count(has, o.JustOne); len(o.JustOne) > 0 && n != 1 {
		v.say(path, "%s needs just one of %s, and has %d", o.Name, strings.Join(o.JustOne, ", "), n)
	}
}

func (v *validation) inForce(a *Attribute) bool {
	return a.Profile == "" || slices.Contains(v.named, a.Profile)
}

func (v *validation) attribute(path string, a *Attribute, value any) {
	if !a.Array {
		v.value(path, a, value)
		return
	}
	list, ok := value.([]any)
	if !ok {
		v.say(path, "must be a list")
		return
	}
	for i, item := range list {
		v.value(index(path, i), a, item)
	}
}

func (v *validation) value(path string, a *Attribute, value any) {
	if o, ok := v.s.objects[a.Type]; ok {
		object, ok := value.(map[string]any)
		switch {
		case !ok:
			v.say(path, "must be an object (%s)", o.Name)
		case o.Name != anything:
			v.object(path, o, object)
		}
		return
	}
	if wrong := v.s.types[a.Type].check(value); wrong != "" {
		v.say(path, "%s", wrong)
		return
	}
	if a.Enum != nil {
		key := fmt.Sprint(value)
		if _, ok := a.Enum[key]; !ok {
			v.say(path, "%s is none of the values of %s", clean(key), path[strings.LastIndexByte(path, '.')+1:])
		}
	}
}

// anything is the object that may hold whatever the schema has no place for.
const anything = "object"

// scalar is a type that is no object.
type scalar struct {
	name, base string
	maxLen     int // characters; 0 for any
	pattern    *regexp.Regexp
	bounded    bool
	low, high  int64
}

// check tells what is wrong with a value, "" if nothing.
func (t *scalar) check(value any) string {
	switch t.base {
	case "json_t":
		return ""
	case "boolean_t":
		if _, ok := value.(bool); !ok {
			return "must be true or false"
		}
	case "integer_t", "long_t":
		n, ok := whole(value)
		if !ok {
			return "must be a whole number"
		}
		if t.bounded && (n < t.low || n > t.high) {
			return fmt.Sprintf("must be between %d and %d", t.low, t.high)
		}
	case "float_t":
		if _, ok := value.(json.Number); !ok {
			return "must be a number"
		}
	default:
		return t.text(value)
	}
	return ""
}

func (t *scalar) text(value any) string {
	s, ok := value.(string)
	switch {
	case !ok:
		return "must be a string"
	case t.maxLen > 0 && utf8.RuneCountInString(s) > t.maxLen:
		return fmt.Sprintf("must have at most %d characters", t.maxLen)
	case t.pattern != nil && !t.pattern.MatchString(s):
		return "is no " + t.name
	}
	return ""
}

func whole(value any) (int64, bool) {
	n, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := strconv.ParseInt(n.String(), 10, 64)
	return i, err == nil
}

func count(has map[string]any, names []string) int {
	n := 0
	for _, name := range names {
		if _, ok := has[name]; ok {
			n++
		}
	}
	return n
}

func sortedKeys(m map[string]any) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

func join(path, name string) string {
	if name = clean(name); path == "" {
		return name
	}
	return path + "." + name
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// clean bounds a name or a short value that is repeated in a text.
func clean(s string) string {
	const most = 64
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}
