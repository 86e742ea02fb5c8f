package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/reviews"
)

var (
	codeSpan   = regexp.MustCompile("`([^`\n]+)`")
	ownType    = regexp.MustCompile(`^tripod\.[a-z_.]+$`)
	pageLink   = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	fencedCode = regexp.MustCompile("(?s)```\n?(.*?)```")
)

// TestPrivacyPagesNameWhatThereIs holds the templates for data protection, and the page on who looked, to the program: each
// command, flag, setting, type of record and word of a vocabulary that they name exists, and so does each page they link.
func TestPrivacyPagesNameWhatThereIs(t *testing.T) {
	t.Parallel()
	model, err := kong.New(&commands{}, kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("../../docs/privacy/*.md")
	if err != nil || len(pages) != 4 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	types, words := typesInSource(t), vocabulary()
	for _, path := range append(pages, "../../docs/reviews.md") {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		for _, m := range pageLink.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links %s, which is not there", path, m[1])
			}
		}
		for _, block := range fencedCode.FindAllStringSubmatch(text, -1) {
			for line := range strings.Lines(block[1]) {
				if strings.HasPrefix(line, "tripod ") {
					checkCommand(t, path, model.Model.Node, strings.TrimSpace(line))
				}
			}
		}
		for _, m := range codeSpan.FindAllStringSubmatch(fencedCode.ReplaceAllString(text, ""), -1) {
			switch span := m[1]; {
			case strings.HasPrefix(span, "tripod "):
				checkCommand(t, path, model.Model.Node, span)
			case strings.HasPrefix(span, "--"):
				if !hasFlag(model.Model.Node, strings.TrimPrefix(span, "--")) {
					t.Errorf("%s: no command has the flag %s", path, span)
				}
			case ownType.MatchString(span):
				if !types[span] {
					t.Errorf("%s: there is no record of the type %s", path, span)
				}
			case words[span], words[strings.TrimPrefix(span, "keep: ")], isSetting(reflect.TypeFor[config.Config](), span):
			default:
				t.Errorf("%s: `%s` is no command, setting, type of record or word of a vocabulary", path, span)
			}
		}
	}
}

// checkCommand follows the words of a command line through the commands there are.
func checkCommand(t *testing.T, page string, node *kong.Node, line string) {
	t.Helper()
	fields := strings.Fields(strings.NewReplacer("[", " ", "]", " ", "|", " ").Replace(line))[1:]
	for i, word := range fields {
		if strings.HasPrefix(word, "--") {
			name, _, _ := strings.Cut(strings.TrimPrefix(word, "--"), "=")
			if !slices.ContainsFunc(node.AllFlags(false), func(group []*kong.Flag) bool {
				return slices.ContainsFunc(group, func(f *kong.Flag) bool { return f.Name == name })
			}) && !slices.ContainsFunc(node.Flags, func(f *kong.Flag) bool { return f.Name == name }) {
				t.Errorf("%s: %q has no flag --%s", page, line, name)
			}
			continue
		}
		if next := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Name == word }); next >= 0 {
			node = node.Children[next]
		} else if len(node.Children) > 0 {
			t.Errorf("%s: %q: there is no command %q", page, line, strings.Join(fields[:i+1], " "))
			return
		}
	}
}

func hasFlag(node *kong.Node, name string) bool {
	return slices.ContainsFunc(node.Flags, func(f *kong.Flag) bool { return f.Name == name }) ||
		slices.ContainsFunc(node.Children, func(n *kong.Node) bool { return hasFlag(n, name) })
}

// typesInSource are the string literals of the program that name types of own acts.
func typesInSource(t *testing.T) map[string]bool {
	t.Helper()
	literal, found := regexp.MustCompile(`"(tripod\.[a-z_.]+)"`), make(map[string]bool)
	err := filepath.WalkDir("../../internal", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		for _, m := range literal.FindAllStringSubmatch(string(b), -1) {
			found[m[1]] = true
		}
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("%d types, %v", len(found), err)
	}
	return found
}

// vocabulary are the words that pages may name besides.
func vocabulary() map[string]bool {
	words := map[string]bool{"serve": true}
	add := func(list ...string) {
		for _, w := range list {
			words[w] = true
		}
	}
	add(string(audit.ClassMetadata), string(audit.ClassDetail), string(audit.ClassText))
	for _, s := range audit.Sources() {
		add(string(s))
	}
	for _, r := range access.Roles() {
		add(string(r))
	}
	for _, r := range access.Rights() {
		add(string(r))
	}
	for _, p := range casebook.Purposes() {
		add(string(p))
	}
	for _, k := range reviews.Kinds() {
		add(string(k))
	}
	add("held", "missing", "erased", reviews.StateSealed, reviews.StateWithheld, "week")
	for _, v := range []reflect.Type{reflect.TypeFor[reviews.Look](), reflect.TypeFor[reviews.Query]()} {
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Field(i).Tag.Get("json"), ",")
			add(name)
		}
	}
	for _, rule := range []string{"group", "credential", "surface", "source"} { // of the capture policy
		add(rule)
	}
	return words
}

// isSetting reports whether a path of names leads to a setting of the configuration.
func isSetting(typ reflect.Type, path string) bool {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	name, rest, more := strings.Cut(path, ".")
	if typ.Kind() != reflect.Struct {
		return false
	}
	for i := range typ.NumField() {
		if tag, _, _ := strings.Cut(typ.Field(i).Tag.Get("yaml"), ","); tag != "" && tag == name {
			return !more || isSetting(typ.Field(i).Type, rest)
		}
	}
	return false
}
