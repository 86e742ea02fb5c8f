package search

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tripod-audit/tripod/internal/audit"
)

// MaxValue bounds, in bytes, the part of a name that is indexed; longer ones are cut, and so are values of queries, so a
// long name is found by its beginning. It is no less than what a record keeps.
const MaxValue = audit.MaxKeptString

// Name is one indexed value of a record.
type Name struct {
	Field Field
	Value string
}

// Facts are what search knows of a record. They hold no content, since records hold none.
type Facts struct {
	Time  int64  // RowTime in Unix milliseconds
	Names []Name // values of name fields, in a fixed order, each once, cut at MaxValue
	Keys  []Name // values of key fields, each once
	// Erases are the positions of the records this one orders to erase: their rows must go.
	Erases []uint64

	scratch audit.Record
}

// RowTime is the time under which a record is found: when it occurred, or, where the source's clock cannot be believed or
// said nothing, when it was recorded.
func RowTime(r *audit.Record) time.Time {
	t := r.Occurred
	if y := t.Year(); y < 1970 || y > 9998 || r.HasFlag(audit.FlagClockAbsurd) || r.HasFlag(audit.FlagNoTime) {
		t = r.Recorded
	}
	return t.UTC().Truncate(Resolution)
}

// Extract fills the facts from a record, reusing their memory. They share the record's strings.
func (f *Facts) Extract(r *audit.Record) {
	f.Time = RowTime(r).UnixMilli()
	f.Names, f.Keys, f.Erases = f.Names[:0], f.Keys[:0], f.Erases[:0]
	a, p := &r.Account.Asserted, &r.Account.Proved
	f.name(FieldSource, string(r.Source))
	f.name(FieldSurface, string(r.Surface))
	f.name(FieldActivity, string(r.Activity))
	f.name(FieldType, r.Type)
	f.name(FieldOutcome, string(r.Outcome))
	f.name(FieldTool, r.Tool)
	f.name(FieldMCP, r.MCP)
	f.name(FieldModel, r.Model)
	f.name(FieldRule, r.Rule)
	f.name(FieldCase, r.Case)
	f.names(FieldOrg, a.Org, p.Org)
	f.flags(r.Flags)
	f.names(FieldUser, a.Email, p.Email, a.User, p.User, a.UUID, p.UUID, a.Subject, p.Subject, a.OSUser, p.OSUser, a.Service, p.Service)
	f.names(FieldDevice, a.Device, p.Device)
	f.names(FieldKey, a.Key, p.Key, a.Credential, p.Credential)
	f.name(FieldIP, r.IP)

	k := &r.Keys
	f.key(FieldSession, k.Session)
	f.key(FieldPrompt, k.Prompt)
	f.key(FieldRequest, k.Request)
	f.key(FieldRequest, k.ClientRequest)
	f.key(FieldToolUse, k.ToolUse)
	f.key(FieldMessage, k.Message)
	f.key(FieldChat, k.Chat)
	f.key(FieldProject, k.Project)
	f.key(FieldAgent, k.Agent)
	f.key(FieldAgent, k.ParentAgent)
	f.key(FieldTrace, k.Trace)

	for _, o := range audit.ErasureOrders(r) { // the scanner leaves records with Tripod's own attributes to the full decoder
		f.Erases = append(f.Erases, o.Position)
	}
}

func (f *Facts) name(field Field, v string) {
	if v != "" {
		f.Names = append(f.Names, Name{field, cut(v, MaxValue)})
	}
}

// names adds the values of one field, each once: asserted and proved identifiers mostly agree.
func (f *Facts) names(field Field, values ...string) {
	first := len(f.Names)
	for _, v := range values {
		if v = cut(v, MaxValue); v != "" && !slices.Contains(f.Names[first:], Name{field, v}) {
			f.Names = append(f.Names, Name{field, v})
		}
	}
}

// flags adds the flags in sorted order, so that equal sets of flags are equal facts.
func (f *Facts) flags(flags []string) {
	first := len(f.Names)
	f.names(FieldFlag, flags...)
	slices.SortFunc(f.Names[first:], func(a, b Name) int { return strings.Compare(a.Value, b.Value) })
}

func (f *Facts) key(field Field, v string) {
	if v != "" && !slices.Contains(f.Keys, Name{field, v}) {
		f.Keys = append(f.Keys, Name{field, v})
	}
}

// cut shortens a string to at most n bytes without splitting a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// fold makes strings that differ in case only equal.
func fold(s string) string { return strings.ToLower(s) }

// Fold is the form in which names are compared: cut at MaxValue and without regard to case.
func Fold(value string) string { return fold(cut(value, MaxValue)) }
