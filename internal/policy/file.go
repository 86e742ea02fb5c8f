package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// File is one rule file.
type File struct {
	// Lists are named lists of hosts, paths or other words, as data for conditions: lists.NAME. A list that several files
	// name is their union.
	Lists map[string][]string `yaml:"lists,omitempty"`
	// Rules are tried in their order.
	Rules []Rule `yaml:"rules,omitempty"`
	// Overrides change rules of any file.
	Overrides []Override `yaml:"overrides,omitempty"`

	name  string // for people
	lines []int  // where each rule begins
}

var listName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// largestFile is how many bytes a rule file may have.
const largestFile = 4 << 20

// readFile reads one rule file from disk.
func readFile(path string) (*File, error) {
	b, err := readBounded(path)
	if err != nil {
		return nil, err
	}
	return parseFile(path, b)
}

func readBounded(path string) (b []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if b, err = io.ReadAll(io.LimitReader(f, largestFile+1)); err != nil {
		return nil, fmt.Errorf("read rules %s: %w", path, err)
	}
	if len(b) > largestFile {
		return nil, fmt.Errorf("%s: more than the %d bytes a rule file may have", path, largestFile)
	}
	return b, nil
}

// parseFile reads YAML strictly: an unknown key is an error that names the line. name is for people.
func parseFile(name string, b []byte) (file *File, err error) {
	defer func() {
		if r := recover(); r != nil { // of the YAML reader
			err = fmt.Errorf("%s: cannot be read as YAML", name)
		}
	}()
	file = &File{name: name}
	tree, err := parser.ParseBytes(b, 0)
	if err != nil {
		return nil, yamlError(name, err)
	}
	if len(tree.Docs) > 1 {
		return nil, fmt.Errorf("%s: more than one YAML document; put all rules into one", name)
	}
	if len(tree.Docs) == 0 || tree.Docs[0].Body == nil {
		return file, nil
	}
	if err := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict()).Decode(file); err != nil {
		return nil, yamlError(name, err)
	}
	file.lines = ruleLines(tree.Docs[0].Body)
	return file, nil
}

// yamlError puts what the reader says on one line, without an excerpt: lists may name what a log should not.
func yamlError(name string, err error) error {
	return fmt.Errorf("%s: %w", name, errors.New(strings.Join(strings.Fields(yaml.FormatError(err, false, false)), " ")))
}

// ruleLines tells on which line each rule begins.
func ruleLines(body ast.Node) []int {
	var lines []int
	mapping, ok := body.(ast.MapNode)
	if !ok {
		return nil
	}
	for entries := mapping.MapRange(); entries.Next(); {
		list, ok := entries.Value().(*ast.SequenceNode)
		if !ok || entries.Key().String() != "rules" {
			continue
		}
		for _, v := range list.Values {
			lines = append(lines, v.GetToken().Position.Line)
		}
	}
	return lines
}

// at tells people where a rule is: file, line and id.
func (f *File) at(i int) string {
	id := f.Rules[i].ID
	if id == "" {
		id = fmt.Sprintf("rules[%d]", i)
	}
	if i < len(f.lines) {
		return fmt.Sprintf("%s:%d: rule %s", f.name, f.lines[i], id)
	}
	return fmt.Sprintf("%s: rule %s", f.name, id)
}
