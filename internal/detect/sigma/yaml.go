package sigma

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Error is what is wrong with a rule file, and where.
type Error struct {
	File      string
	Line, Col int // from 1; 0 where it cannot be told
	Problem   string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Problem
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Problem)
}

// kind is the kind of a node.
type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindInt
	kindFloat
	kindString
	kindMap
	kindList
)

func (k kind) String() string {
	return [...]string{"nothing", "true or false", "a whole number", "a number", "a text", "a map", "a list"}[k]
}

// node is a piece of YAML with its place.
type node struct {
	kind      kind
	text      string // of a scalar, as it is written; of a string its value
	line, col int
	entries   []entry
	items     []*node
}

type entry struct {
	key       string
	line, col int
	value     *node
}

func (n *node) get(key string) *node {
	for i := range n.entries {
		if n.entries[i].key == key {
			return n.entries[i].value
		}
	}
	return nil
}

func (n *node) scalar() bool { return n.kind < kindMap }

const (
	deepest     = 64      // levels of nesting
	largestFile = 4 << 20 // bytes
)

// documents reads the YAML documents of a file and their texts in a form without comments.
func documents(file string, data []byte) (docs []*node, texts []string, err error) {
	defer func() {
		if r := recover(); r != nil { // of the YAML reader
			docs, texts, err = nil, nil, &Error{File: file, Problem: "cannot be read as YAML"}
		}
	}()
	if len(data) > largestFile {
		return nil, nil, &Error{File: file, Problem: fmt.Sprintf("more than the %d bytes a rule file may have", largestFile)}
	}
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, nil, yamlError(file, err)
	}
	for _, d := range tree.Docs {
		if d.Body == nil || d.Body.Type() == ast.NullType || d.Body.Type() == ast.CommentType {
			continue
		}
		n, err := reader{file}.node(d.Body, 0)
		if err != nil {
			return nil, nil, err
		}
		docs, texts = append(docs, n), append(texts, d.String())
	}
	return docs, texts, nil
}

func yamlError(file string, err error) error {
	e := &Error{File: file, Problem: err.Error()}
	var y yaml.Error
	if errors.As(err, &y) {
		e.Problem = y.GetMessage()
		if t := y.GetToken(); t != nil && t.Position != nil {
			e.Line, e.Col = t.Position.Line, t.Position.Column
		}
	}
	return e
}

// reader turns the tree of the YAML library into nodes.
type reader struct{ file string }

func (r reader) errorf(t *token.Token, format string, args ...any) error {
	e := &Error{File: r.file, Problem: fmt.Sprintf(format, args...)}
	if t != nil && t.Position != nil {
		e.Line, e.Col = t.Position.Line, t.Position.Column
	}
	return e
}

func (r reader) node(from ast.Node, depth int) (*node, error) {
	if from == nil {
		return &node{}, nil
	}
	t := from.GetToken()
	if depth > deepest {
		return nil, r.errorf(t, "nested deeper than %d levels", deepest)
	}
	n := &node{}
	if t != nil && t.Position != nil {
		n.line, n.col = t.Position.Line, t.Position.Column
	}
	switch v := from.(type) {
	case *ast.NullNode:
		n.kind = kindNull
	case *ast.BoolNode:
		n.kind, n.text = kindBool, fmt.Sprint(v.Value)
	case *ast.IntegerNode:
		n.kind, n.text = kindInt, fmt.Sprint(v.Value)
	case *ast.FloatNode:
		n.kind, n.text = kindFloat, fmt.Sprint(v.Value)
	case *ast.StringNode:
		n.kind, n.text = kindString, v.Value
	case *ast.LiteralNode:
		n.kind, n.text = kindString, v.Value.Value
	case *ast.MappingNode:
		return n, r.mapping(n, v.Values, depth)
	case *ast.MappingValueNode:
		return n, r.mapping(n, []*ast.MappingValueNode{v}, depth)
	case *ast.SequenceNode:
		n.kind = kindList
		for _, item := range v.Values {
			in, err := r.node(item, depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, in)
		}
	default:
		return nil, r.errorf(t, "%s is not read in rules: write it out", strings.ToLower(from.Type().YAMLName()))
	}
	return n, nil
}

func (r reader) mapping(n *node, values []*ast.MappingValueNode, depth int) error {
	n.kind = kindMap
	for _, v := range values {
		key, ok := v.Key.(ast.ScalarNode)
		t := v.Key.GetToken()
		if !ok || v.Key.IsMergeKey() {
			return r.errorf(t, "this key is not read in rules: write it out")
		}
		e := entry{key: keyText(key)}
		if t != nil && t.Position != nil {
			e.line, e.col = t.Position.Line, t.Position.Column
		}
		if n.get(e.key) != nil {
			return r.errorf(t, "key %q stands here twice", e.key)
		}
		var err error
		if e.value, err = r.node(v.Value, depth+1); err != nil {
			return err
		}
		if e.value.line == 0 {
			e.value.line, e.value.col = e.line, e.col
		}
		if len(n.entries) == 0 {
			n.line, n.col = e.line, e.col
		}
		n.entries = append(n.entries, e)
	}
	return nil
}

func keyText(key ast.ScalarNode) string {
	if s, ok := key.(*ast.StringNode); ok {
		return s.Value
	}
	return key.GetToken().Value
}
