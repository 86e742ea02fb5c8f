package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// readArguments reads the object of a tool call so that nobody can read it otherwise: names twice in one object, bytes that
// are no UTF-8, and anything after the object are refused. Nothing at all is an empty object.
func readArguments(b []byte) (map[string]any, error) {
	if len(b) == 0 {
		return map[string]any{}, nil
	}
	var args map[string]any
	if err := json.Unmarshal(b, &args, jsontext.AllowDuplicateNames(false), jsontext.AllowInvalidUTF8(false)); err != nil {
		return nil, ErrMalformed // not with the reader's words, which quote what it read
	}
	if args == nil { // null
		return nil, fmt.Errorf("%w: no object", ErrMalformed)
	}
	return args, nil
}

// TextOf is the text of an event that detectors read, at whose offsets findings stand.
func TextOf(ev Event) string {
	if ev.Text != "" || len(ev.Arguments) == 0 {
		return ev.Text
	}
	args, err := readArguments(ev.Arguments)
	if err != nil {
		return unreadText(ev.Arguments)
	}
	return spoken(args)
}

// unreadText is what can be seen in arguments that are no strict JSON.
func unreadText(b []byte) string { return strings.ToValidUTF8(string(b), "\ufffd") }

// spoken are all names and strings in a value, in the order of their names, a line each: what a detector should read of it.
func spoken(args map[string]any) string {
	var b strings.Builder
	walk(args, func(_, s string) {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(s)
	})
	return b.String()
}

// walk calls each for every string in a value with the name it stands under, and for every name, which stands under none.
func walk(args map[string]any, each func(name, s string)) {
	names := make([]string, 0, len(args))
	for name := range args {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		each("", name)
		walkValue(name, args[name], each)
	}
}

func walkValue(name string, v any, each func(name, s string)) {
	switch v := v.(type) {
	case string:
		each(name, v)
	case map[string]any:
		walk(v, each)
	case []any:
		for _, e := range v {
			walkValue(name, e, each)
		}
	}
}

// argument is the first of the named arguments that is a string and not empty.
func argument(args map[string]any, names ...string) string {
	for _, name := range names {
		if s, _ := args[name].(string); s != "" {
			return s
		}
	}
	return ""
}
