// Package health is the one registry of named conditions that the console, the command line and the metrics read.
//
// A condition is either raised (with a text for people) or not. The registry keeps nothing on disk; what must be
// provable later is a record in the journal as well. All methods are safe for concurrent use. It imports the standard
// library only.
package health

import (
	"sort"
	"sync"
	"time"
)

// Severity says how bad a raised condition is.
type Severity string

// The severities. Critical means that evidence is being refused or lost; Warning that it soon may be.
const (
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// Condition is one raised condition.
type Condition struct {
	Code     string    `json:"code"` // stable name for machines: "journal.full"
	Severity Severity  `json:"severity"`
	Text     string    `json:"text"` // what is wrong and what to do, for people; no secrets, no content
	Since    time.Time `json:"since"`
}

// Registry holds the raised conditions. The zero value is ready; a nil Registry accepts everything and keeps nothing.
type Registry struct {
	// Notify, set before the first use, hears of each condition when it is first raised; nil is nobody.
	Notify func(Condition)

	mu     sync.Mutex
	raised map[string]Condition // guarded by mu
}

// Raise states a condition. Raised again it keeps its Since and takes the new text.
func (r *Registry) Raise(code string, severity Severity, text string) {
	if r == nil {
		return
	}
	c, known := r.set(code, severity, text)
	if !known && r.Notify != nil {
		r.Notify(c)
	}
}

func (r *Registry) set(code string, severity Severity, text string) (c Condition, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.raised == nil {
		r.raised = make(map[string]Condition)
	}
	c, known = r.raised[code]
	if !known {
		c = Condition{Code: code, Since: time.Now().UTC()}
	}
	c.Severity, c.Text = severity, text
	r.raised[code] = c
	return c, known
}

// Clear takes a condition back; one that is not raised is no matter.
func (r *Registry) Clear(code string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.raised, code)
}

// Conditions lists what is raised, critical ones first, then by code.
func (r *Registry) Conditions() []Condition {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Condition, 0, len(r.raised))
	for _, c := range r.raised {
		list = append(list, c)
	}
	sort.Slice(list, func(i, j int) bool {
		if list[i].Severity != list[j].Severity {
			return list[i].Severity == Critical
		}
		return list[i].Code < list[j].Code
	})
	return list
}
