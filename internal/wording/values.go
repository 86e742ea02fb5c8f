package wording

import (
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// values are what a template can name of a record.
type values struct{ r *audit.Record }

// get is the value of a name: an attribute; ".mcp", ".model", ".type", ".rule" for the record's own fields, ".use" for the tool
// with its MCP server. One
// that begins with ~ is a word of the vendor's and read as words: "primary_owner" as "primary owner".
func (v values) get(name string) string {
	name, word := strings.CutPrefix(name, "~")
	s := ""
	switch name {
	case ".use":
		if s = v.r.Tool + v.r.MCP; v.r.Tool != "" && v.r.MCP != "" {
			s = v.r.MCP + "/" + v.r.Tool
		}
	case ".mcp":
		s = v.r.MCP
	case ".model":
		s = v.r.Model
	case ".type":
		s = v.r.Type
	case ".rule":
		s = v.r.Rule
	default:
		a, _ := v.r.Attributes.Get(name)
		if s = a.Text(); a.Kind == audit.KindArray {
			s = list(a.Items())
		}
	}
	if word {
		s = words(s)
	}
	return cut(s)
}

// list is the first few of several values.
func list(items []audit.Value) string {
	const most = 3
	var b strings.Builder
	for i, it := range items {
		if i == most {
			return b.String() + " …"
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(it.Text())
	}
	return b.String()
}

// fill puts values into a part of a template.
func fill(template string, v values) string {
	if !strings.ContainsAny(template, "{[") {
		return template
	}
	var b strings.Builder
	for template != "" {
		i := strings.IndexAny(template, "{[")
		if i < 0 {
			b.WriteString(template)
			break
		}
		b.WriteString(template[:i])
		closing := byte('}')
		if template[i] == '[' {
			closing = ']'
		}
		end := i + strings.IndexByte(template[i:], closing)
		inner := template[i+1 : end]
		if closing == ']' {
			b.WriteString(optional(inner, v))
		} else {
			b.WriteString(either(inner, v))
		}
		template = template[end+1:]
	}
	return b.String()
}

// optional is a part with its values, "" where one of them is missing.
func optional(part string, v values) string {
	for rest := part; ; {
		i := strings.IndexByte(rest, '{')
		if i < 0 {
			return fill(part, v)
		}
		end := i + strings.IndexByte(rest[i:], '}')
		if either(rest[i+1:end], v) == "" {
			return ""
		}
		rest = rest[end+1:]
	}
}

// either is the first value there is; a name in quotes stands for itself.
func either(names string, v values) string {
	for name := range strings.SplitSeq(names, "|") {
		if text, ok := strings.CutPrefix(name, "'"); ok {
			return text
		}
		if s := v.get(name); s != "" {
			return s
		}
	}
	return ""
}
