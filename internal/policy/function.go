package policy

import (
	"errors"
	"path"
	"reflect"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

var errNoConversion = errors.New("text cannot be converted; ask it with has and finds")

func noConversion(to ref.Type) ref.Val {
	if to == types.TypeType {
		return textType()
	}
	return types.WrapErr(errNoConversion)
}

func equalText(t opaque, other ref.Val) ref.Val { return types.Bool(other == ref.Val(t)) }

// functions are what conditions may call beside what CEL brings.
func functions() []cel.EnvOption {
	text, list, truth := cel.StringType, cel.ListType(cel.StringType), cel.BoolType
	return []cel.EnvOption{
		cel.Function("has", cel.MemberOverload("text_has", []*cel.Type{textType(), text}, truth, cel.BinaryBinding(func(t, word ref.Val) ref.Val {
			return types.Bool(t.(opaque).has(stringOf(word)))
		}))),
		// matches of CEL is finds too: its pattern is compiled in our way, with the words that come before it.
		cel.Macros(cel.ReceiverMacro("matches", 1, func(f cel.MacroExprFactory, target ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
			return f.NewMemberCall("finds", target, args...), nil
		})),
		cel.Function("finds",
			cel.MemberOverload("text_finds", []*cel.Type{textType(), text}, truth, cel.BinaryBinding(finds)),
			cel.MemberOverload("string_finds", []*cel.Type{text, text}, truth, cel.BinaryBinding(finds))),
		anyOf("host_in", "host is one on the list or below one, or in a network on it", text, list, func(host string, entries *namedList) bool {
			return entries.hostSet().has(host)
		}),
		anyOf("path_in", "path is meant by an entry of the list: itself or below it, or by a pattern", text, list, func(p string, entries *namedList) bool {
			return entries.pathSet().has(p)
		}),
		cel.Function("path_under", cel.Overload("path_under_string", []*cel.Type{text, text}, truth, cel.BinaryBinding(func(p, dir ref.Val) ref.Val {
			return types.Bool(under(plainPath(stringOf(dir)), path.Clean(plainPath(stringOf(p)))))
		}))),
		cel.Function("glob", cel.Overload("glob_string", []*cel.Type{text, text}, truth, cel.BinaryBinding(func(s, pattern ref.Val) ref.Val {
			return types.Bool(glob(stringOf(pattern), stringOf(s)))
		}))),
	}
}

// finds is what is left of the function where the planner did not take the pattern: nothing, since it is a literal always.
func finds(text, source ref.Val) ref.Val {
	p, err := newPattern(stringOf(source))
	if err != nil {
		return types.WrapErr(err)
	}
	return types.Bool(p.in(stringOf(text)))
}

// anyOf declares a function over one word and a list, and over several words and a list: true where it is of any.
func anyOf(name, doc string, text, list *cel.Type, is func(word string, entries *namedList) bool) cel.EnvOption {
	return cel.Function(name, cel.FunctionDocs(doc),
		cel.Overload(name+"_string", []*cel.Type{text, list}, cel.BoolType, cel.BinaryBinding(func(word, entries ref.Val) ref.Val {
			return types.Bool(is(stringOf(word), asNamedList(entries)))
		})),
		cel.Overload(name+"_list", []*cel.Type{list, list}, cel.BoolType, cel.BinaryBinding(func(words, entries ref.Val) ref.Val {
			against := asNamedList(entries)
			return types.Bool(slices.ContainsFunc(stringsOf(words), func(w string) bool { return is(w, against) }))
		})))
}

func stringOf(v ref.Val) string {
	s, _ := v.Value().(string)
	return s
}

func stringsOf(v ref.Val) []string {
	if l, is := v.(*namedList); is {
		return l.words
	}
	l, is := v.(traits.Lister)
	if !is {
		return nil
	}
	var list []string
	for it := l.Iterator(); it.HasNext() == types.True; {
		list = append(list, stringOf(it.Next()))
	}
	return list
}

// namedList is a list of a rule file: a list to CEL, with its hosts made ready.
type namedList struct {
	traits.Lister
	words []string
	hosts *hostSet // nil: not made ready
	paths pathSet  // nil: not made ready
}

func newNamedList(words []string) *namedList {
	return &namedList{Lister: types.NewStringList(types.DefaultTypeAdapter, words), words: words, hosts: newHostSet(words), paths: newPathSet(words)}
}

// asNamedList takes a list that a condition spells out.
func asNamedList(v ref.Val) *namedList {
	if l, is := v.(*namedList); is {
		return l
	}
	return &namedList{words: stringsOf(v)}
}

func (l *namedList) hostSet() *hostSet {
	if l.hosts == nil {
		return newHostSet(l.words)
	}
	return l.hosts
}

func (l *namedList) pathSet() pathSet {
	if l.paths == nil {
		return newPathSet(l.words)
	}
	return l.paths
}

// ConvertToNative implements ref.Val.
func (l *namedList) ConvertToNative(t reflect.Type) (any, error) { return l.Lister.ConvertToNative(t) }

// containsFold is strings.Contains without regard to the case of ASCII letters, in linear time for short words.
func containsFold(s, word string) bool {
	lower, upper := strings.ToLower(word)[0], strings.ToUpper(word)[0]
	for i := 0; i+len(word) <= len(s); i++ {
		if (s[i] == lower || s[i] == upper || s[i] == word[0]) && strings.EqualFold(s[i:i+len(word)], word) {
			return true
		}
	}
	return false
}
