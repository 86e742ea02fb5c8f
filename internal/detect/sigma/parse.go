package sigma

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Parse reads a file of rules, correlations and filters; name is for people. It tells all it finds wrong, each as an *Error with
// line and column. Fields and references are checked by Compile.
func Parse(name string, data []byte) ([]Document, error) {
	nodes, texts, err := documents(name, data)
	if err != nil {
		return nil, err
	}
	p := &parsing{file: name}
	var docs []Document
	for i, n := range nodes {
		sum := sha256.Sum256([]byte(texts[i]))
		if d, ok := p.document(n, hex.EncodeToString(sum[:6])); ok {
			docs = append(docs, d)
		}
	}
	if len(p.problems) > 0 {
		return nil, errors.Join(p.problems...)
	}
	return docs, nil
}

// mostProblems bounds what is told of one file.
const mostProblems = 50

// parsing gathers what is wrong with a file.
type parsing struct {
	file     string
	problems []error
}

func (p *parsing) errorf(at place, format string, args ...any) {
	if len(p.problems) < mostProblems {
		p.problems = append(p.problems, &Error{File: p.file, Line: at.line, Col: at.col, Problem: fmt.Sprintf(format, args...)})
	}
}

func (n *node) at() place  { return place{n.line, n.col} }
func (e *entry) at() place { return place{e.line, e.col} }

// fields hands each entry of a map to what reads it; an entry nobody reads is a problem.
func (p *parsing) fields(n *node, what string, read map[string]func(e *entry)) {
	if n.kind != kindMap {
		p.errorf(n.at(), "%s must be a map, it is %s", what, n.kind)
		return
	}
	for i := range n.entries {
		e := &n.entries[i]
		if fn := read[e.key]; fn != nil {
			fn(e)
			continue
		}
		p.errorf(e.at(), "unknown key %q in %s: known are %s", e.key, what, strings.Join(slices.Sorted(maps.Keys(read)), ", "))
	}
}

func (p *parsing) str(into *string) func(*entry) {
	return func(e *entry) {
		if !e.value.scalar() || e.value.kind == kindNull {
			p.errorf(e.value.at(), "%s must be a text, it is %s", e.key, e.value.kind)
			return
		}
		*into = e.value.text
	}
}

func (p *parsing) list(into *[]string) func(*entry) {
	return func(e *entry) {
		if e.value.scalar() && e.value.kind != kindNull {
			*into = []string{e.value.text}
			return
		}
		if e.value.kind != kindList {
			p.errorf(e.value.at(), "%s must be a list, it is %s", e.key, e.value.kind)
			return
		}
		for _, item := range e.value.items {
			if !item.scalar() || item.kind == kindNull {
				p.errorf(item.at(), "%s must be a list of texts, here is %s", e.key, item.kind)
				continue
			}
			*into = append(*into, item.text)
		}
	}
}

func (p *parsing) flag(into *bool) func(*entry) {
	return func(e *entry) {
		if e.value.kind != kindBool {
			p.errorf(e.value.at(), "%s must be true or false, it is %s", e.key, e.value.kind)
			return
		}
		*into = e.value.text == "true"
	}
}

func (p *parsing) oneOf(into *string, values ...string) func(*entry) {
	return func(e *entry) {
		p.str(into)(e)
		if e.value.scalar() && !slices.Contains(values, e.value.text) {
			p.errorf(e.value.at(), "%s is %q: it must be one of %s", e.key, e.value.text, strings.Join(values, ", "))
		}
	}
}

func (p *parsing) date(into *string) func(*entry) {
	return func(e *entry) {
		p.str(into)(e)
		if _, err := time.Parse(time.DateOnly, *into); err != nil {
			p.errorf(e.value.at(), "%s is %q: it must be a date, YYYY-MM-DD", e.key, *into)
		}
	}
}

// document reads one document, of the kind its keys tell.
func (p *parsing) document(n *node, version string) (Document, bool) {
	if n.kind != kindMap {
		p.errorf(n.at(), "a rule must be a map, this is %s", n.kind)
		return Document{}, false
	}
	h := Head{File: p.file, Line: n.line, Version: version, Level: LevelMedium, Tripod: Tripod{Known: true}}
	read := p.head(&h)
	before := len(p.problems)
	var d Document
	switch {
	case n.get("correlation") != nil:
		d.Correlation = p.correlation(n, &h, read)
	case n.get("filter") != nil:
		d.Filter = p.filter(n, &h, read)
	case n.get("detection") != nil:
		d.Rule = p.rule(n, &h, read)
	case n.get("action") != nil:
		p.errorf(n.at(), "collections with `action` are of an older Sigma: write each document out")
		return d, false
	default:
		p.errorf(n.at(), "neither a rule (detection), nor a correlation, nor a filter")
		return d, false
	}
	if h.Title == "" {
		p.errorf(n.at(), "a title is missing")
	}
	if len(p.problems) > before {
		return Document{}, false
	}
	return d, true
}

// head reads what all documents may say.
func (p *parsing) head(h *Head) map[string]func(*entry) {
	var taxonomy string
	return map[string]func(*entry){
		"title": p.bounded(&h.Title, 256), "id": p.str(&h.ID), "name": p.str(&h.Name), "description": p.bounded(&h.Description, 65535),
		"status": p.oneOf(&h.Status, "stable", "test", "experimental", "deprecated", "unsupported"),
		"level":  p.oneOf((*string)(&h.Level), "informational", "low", "medium", "high", "critical"),
		"author": p.str(&h.Author), "license": p.str(&h.License), "date": p.date(&h.Date), "modified": p.date(&h.Modified),
		"references": p.list(&h.References), "tags": p.list(&h.Tags), "falsepositives": p.list(&h.FalsePositives),
		"fields": p.list(&h.Fields), "scope": p.list(&h.Scope), "taxonomy": p.oneOf(&taxonomy, "sigma", "tripod"),
		"related": p.related(&h.Related), "tripod": p.tripod(&h.Tripod),
	}
}

func (p *parsing) bounded(into *string, most int) func(*entry) {
	return func(e *entry) {
		p.str(into)(e)
		if len(*into) > most {
			p.errorf(e.value.at(), "%s is longer than %d bytes", e.key, most)
		}
	}
}

func (p *parsing) related(into *[]Related) func(*entry) {
	return func(e *entry) {
		if e.value.kind != kindList {
			p.errorf(e.value.at(), "related must be a list, it is %s", e.value.kind)
			return
		}
		for _, item := range e.value.items {
			var r Related
			p.fields(item, "related", map[string]func(*entry){
				"id": p.str(&r.ID), "type": p.oneOf(&r.Type, "derived", "obsolete", "merged", "renamed", "similar"),
			})
			*into = append(*into, r)
		}
	}
}

func (p *parsing) logSource(into *LogSource) func(*entry) {
	return func(e *entry) {
		p.fields(e.value, "logsource", map[string]func(*entry){
			"category": p.known(&into.Category, categories()), "product": p.known(&into.Product, products()),
			"service": p.known(&into.Service, services()), "definition": p.str(&into.Definition),
		})
	}
}

// known reads a value that must be one the taxonomy has.
func (p *parsing) known(into *string, values []string) func(*entry) {
	return func(e *entry) {
		p.str(into)(e)
		if e.value.scalar() && !slices.Contains(values, e.value.text) {
			p.errorf(e.value.at(), "no records come from %s %q: it must be one of %s", e.key, e.value.text, strings.Join(values, ", "))
		}
	}
}

func (p *parsing) rule(n *node, h *Head, read map[string]func(*entry)) *Rule {
	r := &Rule{}
	read["logsource"] = p.logSource(&r.LogSource)
	read["detection"] = func(e *entry) { r.detection = p.detection(e.value, nil) }
	p.fields(n, "a rule", read)
	if n.get("logsource") == nil {
		p.errorf(n.at(), "a logsource is missing: `logsource: {product: claude}` stands for all records of Claude")
	}
	r.Head = *h
	return r
}

func (p *parsing) filter(n *node, h *Head, read map[string]func(*entry)) *Filter {
	f := &Filter{}
	read["logsource"] = p.logSource(&f.LogSource)
	read["filter"] = func(e *entry) {
		f.detection = p.detection(e.value, map[string]func(*entry){"rules": func(e *entry) {
			if p.list(&f.Rules)(e); slices.Equal(f.Rules, []string{"any"}) {
				f.Rules = nil
			}
		}})
	}
	p.fields(n, "a filter", read)
	f.Head = *h
	return f
}
