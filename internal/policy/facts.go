package policy

import (
	"reflect"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types/ref"
)

// facts is one event as conditions read it. What takes work is worked out when first read. It belongs to one goroutine.
type facts struct {
	set   *ruleSet
	event *Event
	tool  tool
	args  map[string]any
	text  string
	marks []string

	findings []Finding

	shellOnce, pathsOnce, hostsOnce, screenOnce bool
	command                                     string
	paths                                       []string
	hosts                                       hosts
	ui                                          screen
	over                                        bool // more paths or hosts than are looked at
}

// ResolveName implements the activation of CEL.
func (f *facts) ResolveName(name string) (any, bool) {
	if get, is := f.set.variables[name]; is {
		return get(f), true
	}
	if list, is := f.set.lists[name]; is {
		return list, true
	}
	return nil, false
}

// Parent implements the activation of CEL.
func (f *facts) Parent() cel.Activation { return nil }

func (f *facts) shell() string {
	if !f.shellOnce {
		f.shellOnce, f.command = true, command(f.args)
	}
	return f.command
}

func (f *facts) pathList() []string {
	if !f.pathsOnce {
		var whole bool
		f.pathsOnce = true
		f.paths, whole = pathsOf(f.args, f.shell())
		f.over = f.over || !whole
	}
	return f.paths
}

func (f *facts) hostList() []string {
	if f.hostsOnce {
		return f.hosts.list
	}
	f.hostsOnce = true
	if len(f.args) > 0 {
		f.hosts.arguments(f.args, f.shell())
	} else {
		f.hosts.text(f.text)
	}
	if url := f.screen().url; url != "" {
		f.hosts.add(f.screen().host())
	}
	f.over = f.over || f.hosts.over
	return f.hosts.list
}

func (f *facts) screen() *screen {
	if !f.screenOnce {
		f.screenOnce, f.ui = true, screenOf(f.tool, f.args)
	}
	return &f.ui
}

// foundList counts findings by kind.
func (f *facts) foundList() []found {
	var list []found
	for _, x := range f.findings {
		i := slices.IndexFunc(list, func(k found) bool { return k.Detector == x.Detector && k.Kind == x.Kind })
		if i < 0 {
			list = append(list, found{Detector: x.Detector, Kind: x.Kind})
			i = len(list) - 1
		}
		list[i].Count++
	}
	return list
}

// opaque is text as conditions hold it: they may ask it, not take it apart.
type opaque string

// ConvertToNative implements ref.Val.
func (t opaque) ConvertToNative(reflect.Type) (any, error) { return nil, errNoConversion }

// ConvertToType implements ref.Val.
func (t opaque) ConvertToType(to ref.Type) ref.Val { return noConversion(to) }

// Equal implements ref.Val.
func (t opaque) Equal(other ref.Val) ref.Val { return equalText(t, other) }

// Type implements ref.Val.
func (t opaque) Type() ref.Type { return textType() }

// Value implements ref.Val.
func (t opaque) Value() any { return string(t) }

// has tells whether the text holds a word, without regard to the case of ASCII letters.
func (t opaque) has(word string) bool {
	return word == "" || strings.Contains(string(t), word) || containsFold(string(t), word)
}
