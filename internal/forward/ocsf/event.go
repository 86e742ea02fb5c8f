package ocsf

import (
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// event writes one record.
type event struct {
	*format
	writer
	seq uint64
	r   *audit.Record

	rule     *rule
	class    *class
	activity int
	who      *audit.Identity // the identity the event names: the proved one where it names an account, else the asserted
	src      endpoint
}

// classify finds the rule of the record, and what follows from it.
func (e *event) classify() {
	e.rule = types.find(e.r)
	e.class, e.activity = e.rule.class, e.activityID()
	if e.class.uid == userAccess && e.toGroup() {
		e.class = classes[groupManagement]
	}
}

func (e *event) write() {
	e.classify()
	e.who = actor(e.r)
	e.src = e.endpoint()

	e.B = append(e.B, '{')
	e.classification()
	e.status()
	e.Int("time", e.milliseconds())
	if e.r.Duration > 0 {
		e.Int("duration", e.r.Duration/int64(time.Millisecond))
	}
	e.metadata()
	e.actor()
	e.device()
	e.source()
	e.httpRequest()
	e.control()
	e.object()
	e.model()
	e.unmapped()
	e.Close()
}

// milliseconds is when it happened, else when it entered the journal. The schema wants a time of what has none.
func (e *event) milliseconds() int64 {
	switch r := e.r; {
	case !r.Occurred.IsZero():
		return r.Occurred.UnixMilli()
	case !r.Recorded.IsZero():
		return r.Recorded.UnixMilli()
	}
	return 0
}

func (e *event) classification() {
	grave := ""
	if e.class.finding {
		grave = e.text("severity")
	}
	e.classified(e.class, e.activity, e.activityName(), grave)
}

func (e *event) activityName() string {
	if name := e.class.activities[e.activity]; name != "" {
		return name
	}
	if e.r.Activity == audit.ActivityOperation || e.r.Activity == "" {
		return e.r.Type
	}
	return string(e.r.Activity)
}

// severity is that of a rule which gave one. Of what happened nothing else is said: how grave it is, rules tell.
func severity(word string) (int64, string) {
	switch word {
	case "low":
		return 2, "Low"
	case "medium":
		return 3, "Medium"
	case "high":
		return 4, "High"
	case "critical":
		return 5, "Critical"
	}
	return 1, "Informational"
}

func (e *event) status() {
	if e.class.finding {
		id, name := findingStatus(e.activity)
		e.Int("status_id", id)
		e.Str("status", name)
		return
	}
	switch e.r.Outcome {
	case audit.OutcomeSuccess:
		e.Int("status_id", 1)
		e.Str("status", "Success")
	case audit.OutcomeFailure:
		e.Int("status_id", 2)
		e.Str("status", "Failure")
	case audit.OutcomeDenied:
		e.Int("status_id", 2)
		e.Str("status", "Failure")
		e.Str("status_detail", "denied")
	default:
		e.Int("status_id", 0)
		e.Str("status", "Unknown")
	}
}

func findingStatus(activity int) (int64, string) {
	switch activity {
	case 1:
		return 1, "New"
	case 3:
		return 4, "Resolved"
	}
	return 2, "In Progress"
}

// activityID reads the activity from an attribute where the table says so.
func (e *event) activityID() int {
	for _, name := range e.rule.by {
		v, ok := e.r.Attributes.Get(name)
		if !ok {
			continue
		}
		if yes, ok := v.IsTrue(); ok {
			if yes {
				return 8
			}
			return 9
		}
		if id := method(v.Str()); id != 0 {
			return id
		}
	}
	return e.rule.activity
}

// method is what a method of HTTP does to what it is sent to.
func method(s string) int {
	switch strings.ToUpper(s) {
	case "POST":
		return 1
	case "GET", "HEAD", "OPTIONS":
		return 2
	case "PUT", "PATCH":
		return 3
	case "DELETE":
		return 4
	}
	return 0
}

// toGroup reports whether who got or lost a right is a group.
func (e *event) toGroup() bool {
	return strings.Contains(e.text("principal_type"), "group") || strings.Contains(e.text("target_type"), "group")
}

// text is an attribute's string, "" where it is none.
func (e *event) text(name string) string {
	v, _ := e.r.Attributes.Get(name)
	return v.Str()
}

// value finds what a role is named by: the first of its sources that is there.
func (e *event) value(of role) string {
	for _, s := range e.rule.from[of] {
		if v := e.read(s); v != "" {
			return v
		}
	}
	return ""
}

func (e *event) read(s source) string {
	switch {
	case s.constant != "":
		return s.constant
	case s.attribute != "":
		return e.attribute(s.attribute)
	}
	r := e.r
	switch s.field {
	case "id":
		return r.ID
	case "type":
		return r.Type
	case "session":
		return r.Keys.Session
	case "chat":
		return r.Keys.Chat
	case "project":
		return r.Keys.Project
	case "agent":
		return r.Keys.Agent
	case "key":
		return first(r.Account.Proved.Key, r.Account.Asserted.Key)
	case "org":
		return tenant(r)
	case "mcp":
		return r.MCP
	case "tool":
		return r.Tool
	case "rule":
		return r.Rule
	case "case":
		return r.Case
	case "service":
		return r.Service.Name
	}
	return ""
}

// attribute is an attribute in words, of a list its first element; the whole list stands under unmapped.
func (e *event) attribute(name string) string {
	v, ok := e.r.Attributes.Get(name)
	if !ok {
		return ""
	}
	if items := v.Items(); len(items) > 0 {
		v = items[0]
	}
	return v.Text()
}

// names reports whether a role is the acting account's own.
func (e *event) names(of role, field string) bool {
	list := e.rule.from[of]
	return len(list) == 1 && list[0].field == field
}

func first(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

// tenant is the organisation a record belongs to.
func tenant(r *audit.Record) string { return first(r.Account.Proved.Org, r.Account.Asserted.Org) }
