package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/wording"
)

// Record is the page, and the panel, that shows one position of the journal.
type Record struct {
	Seq        uint64
	Prev, Next uint64 // neighbours in the journal, 0 for none
	Signed     uint64 // up to where a checkpoint is signed
	Commitment string
	Tombstone  string // reason: "erased", "lost"; "" where a record stands
	ID         string
	Source     audit.Source
	Plane      audit.Plane
	Surface    audit.Surface
	Activity   audit.Activity
	Type       string
	Outcome    audit.Outcome
	Session    string
	Container  string
	Says       string // who did what, in a sentence
	Target     Target // of one of Tripod's own acts

	Fields     []Field
	Keys       []Field
	Times      []Moment
	Account    []AccountRow
	Differs    bool // what client and credential say of the account differs somewhere
	Attributes []Attribute
	Resource   []Attribute
	Parts      []Part
	Content    []Content
	Openables  []Openable // open grants that cover the content
	Ask        string     // address of the form that asks for one; "" where that is not for who looks
	Flags      []Flag
	Supersedes uint64
	Left       int // attributes and parts left out, since there are too many to show

	Lines  []string // of the source form, indented
	Bytes  int
	CutAt  int // lines left out behind those
	Proof  *Proof
	Verify Commands
}

// Field is one field of a record, with the names under which the source sent its value, as far as they still show.
type Field struct {
	Name, Value string
	SentAs      []string
	Query       string // finds records with the same value; "" for none
}

// Moment is one of the three times of a record.
type Moment struct {
	Name, Meaning string
	At            time.Time
	Difference    string // to the time before it
}

// AccountRow is one identifier of the account, as asserted and as proved.
type AccountRow struct {
	Name             string
	Asserted, Proved string
	Differs          bool
	Query            string
}

// Attribute is one attribute under the source's own name.
type Attribute struct{ Name, Kind, Value string }

// Part is something inside a record.
type Part struct {
	Kind, Name, Value, Unit, Form string
	Start, Time                   time.Time
	Trace, Span                   string
	Attributes                    []Attribute
}

// Content is one piece of content the record refers to.
type Content struct {
	Name, Class, Kind, Address, Withheld string
	Bytes                                int64
	Truncated                            bool
}

// Flag is something odd about a record.
type Flag struct{ Name, Meaning string }

// Proof shows that the record is in the ledger, or why that cannot be shown.
type Proof struct {
	*reading.Proof
	Missing string // why there is none; "" where there is one
	Wrong   bool   // it does not hold: somebody must look at it
	Broken  bool   // the ledger cannot be read
	Size    uint64 // leaves the checkpoint was signed over
	Origin  string
}

// Commands are what somebody types to check for himself. File and Check are empty where there is no proof.
type Commands struct {
	Record, Export, Verify string
	File, Check            string // name of the proof as a download, and what checks it away from here
}

// Bounds of what is shown.
const (
	mostAttributes = 400
	mostParts      = 200
	mostLines      = 1500
)

// NewRecord describes what stands at a position.
func NewRecord(item *reading.Item, last, signed uint64) *Record {
	p := &Record{Seq: item.Seq, Signed: signed, Commitment: item.Commitment.String(), Bytes: len(item.Bytes)}
	if item.Seq > 1 {
		p.Prev = item.Seq - 1
	}
	if item.Seq < last {
		p.Next = item.Seq + 1
	}
	if item.Tombstone != nil {
		p.Tombstone = string(item.Tombstone.Reason)
		return p
	}
	r := item.Record
	p.ID, p.Source, p.Plane, p.Surface, p.Activity = r.ID, r.Source, r.Source.Plane(), r.Surface, r.Activity
	p.Type, p.Outcome, p.Container = r.Type, r.Outcome, r.Container
	p.Says, p.Target = wording.Sentence(r), TargetOf(r)
	if len(r.Keys.Session) <= longestKey {
		p.Session = r.Keys.Session
	}
	p.fields(r)
	p.keys(r)
	p.times(r)
	p.account(r)
	p.Attributes, p.Resource = p.attributes(r.Attributes), p.attributes(r.Resource)
	p.parts(r)
	for _, c := range r.Content {
		p.Content = append(p.Content, Content{Name: c.Name, Class: string(c.Class), Kind: c.Kind, Address: c.Address, Withheld: c.Withheld,
			Bytes: int64(c.Bytes), Truncated: c.Truncated})
	}
	for _, f := range r.Flags {
		p.Flags = append(p.Flags, Flag{f, flagMeaning(f)})
	}
	if n, ok := strings.CutPrefix(r.Supersedes, "seq:"); ok {
		p.Supersedes, _ = strconv.ParseUint(n, 10, 64)
	}
	return p
}

// fields lists what the record says of itself, in the order of its canonical form.
func (p *Record) fields(r *audit.Record) {
	add := func(name, value string, query search.Field) {
		if value == "" {
			return
		}
		f := Field{Name: name, Value: value}
		switch name {
		case "type", "tool", "mcp", "model", "service.name", "service.version", "sequence":
			f.SentAs = sentAs(r, value) // the others are words of ours
		}
		if query != 0 {
			f.Query = queryFor(query, value)
		}
		p.Fields = append(p.Fields, f)
	}
	add("source", string(r.Source), search.FieldSource)
	add("surface", string(r.Surface), search.FieldSurface)
	add("activity", string(r.Activity), search.FieldActivity)
	add("type", r.Type, search.FieldType)
	add("outcome", string(r.Outcome), search.FieldOutcome)
	add("tool", r.Tool, search.FieldTool)
	add("mcp", r.MCP, search.FieldMCP)
	add("model", r.Model, search.FieldModel)
	add("rule", r.Rule, search.FieldRule)
	add("case", r.Case, search.FieldCase)
	add("ip", r.IP, search.FieldIP)
	if r.Sequence != nil {
		add("sequence", strconv.FormatInt(*r.Sequence, 10), 0)
	}
	if r.Duration != 0 {
		p.Fields = append(p.Fields, Field{Name: "duration_ns", Value: fmt.Sprintf("%d (%s)", r.Duration, Duration(time.Duration(r.Duration)))})
	}
	add("service.name", r.Service.Name, 0)
	add("service.version", r.Service.Version, 0)
	add("service.scope", r.Service.Scope, 0)
	add("service.scope_version", r.Service.ScopeVersion, 0)
	add("container", r.Container, 0)
	add("id", r.ID, 0)
	add("normaliser", r.Normaliser, 0)
	add("v", strconv.Itoa(r.Version), 0)
}

// sentAs finds the source's own names of a value.
func sentAs(r *audit.Record, value string) []string {
	var names []string
	for _, attrs := range []audit.Attrs{r.Attributes, r.Resource} {
		for _, a := range attrs {
			if len(names) < 3 && a.Value.Text() == value && distinctive(a.Value) {
				names = append(names, a.Name)
			}
		}
	}
	return names
}

// distinctive leaves out values that are equal by chance: small numbers and booleans.
func distinctive(v audit.Value) bool {
	return v.Kind == audit.KindString && len(v.Str()) > 2 || v.Kind == audit.KindInt && len(v.Text()) > 5
}

func (p *Record) keys(r *audit.Record) {
	k := &r.Keys
	for _, f := range [...]struct {
		name, value string
		query       search.Field
	}{
		{"session", k.Session, search.FieldSession}, {"prompt", k.Prompt, search.FieldPrompt}, {"request", k.Request, search.FieldRequest},
		{"client_request", k.ClientRequest, search.FieldRequest}, {"tool_use", k.ToolUse, search.FieldToolUse},
		{"message", k.Message, search.FieldMessage}, {"chat", k.Chat, search.FieldChat}, {"project", k.Project, search.FieldProject},
		{"agent", k.Agent, search.FieldAgent}, {"parent_agent", k.ParentAgent, search.FieldAgent}, {"workflow", k.Workflow, 0},
		{"body", k.Body, 0}, {"trace", k.Trace, search.FieldTrace}, {"span", k.Span, 0}, {"parent_span", k.ParentSpan, 0},
	} {
		if f.value == "" {
			continue
		}
		field := Field{Name: f.name, Value: f.value, SentAs: sentAs(r, f.value)}
		if f.query != 0 {
			field.Query = queryFor(f.query, f.value)
		}
		p.Keys = append(p.Keys, field)
	}
}

func (p *Record) times(r *audit.Record) {
	p.Times = []Moment{
		{Name: "occurred", Meaning: "when it happened, by the source's clock", At: r.Occurred},
		{Name: "observed", Meaning: "when the source saw or sent it, by its clock", At: r.Observed},
		{Name: "recorded", Meaning: "when it entered the journal, by Tripod's clock", At: r.Recorded},
	}
	before := r.Occurred
	for i := 1; i < len(p.Times); i++ {
		m := &p.Times[i]
		if m.At.IsZero() || before.IsZero() {
			continue
		}
		switch d := m.At.Sub(before); {
		case d == 0:
			m.Difference = "at the same time"
		case d > 0:
			m.Difference = Duration(d) + " later"
		default:
			m.Difference = Duration(-d) + " earlier: the clocks differ"
		}
		before = m.At
	}
}

func (p *Record) account(r *audit.Record) {
	a, c := &r.Account.Asserted, &r.Account.Proved
	for _, f := range [...]struct {
		name, asserted, proved string
		query                  search.Field
	}{
		{"email", a.Email, c.Email, search.FieldUser}, {"user", a.User, c.User, search.FieldUser}, {"uuid", a.UUID, c.UUID, search.FieldUser},
		{"subject", a.Subject, c.Subject, search.FieldUser}, {"os_user", a.OSUser, c.OSUser, search.FieldUser}, {"org", a.Org, c.Org, search.FieldOrg},
		{"key", a.Key, c.Key, search.FieldKey}, {"service", a.Service, c.Service, search.FieldUser}, {"device", a.Device, c.Device, search.FieldDevice},
		{"groups", strings.Join(a.Groups, ", "), strings.Join(c.Groups, ", "), 0}, {"credential", a.Credential, c.Credential, search.FieldKey},
	} {
		if f.asserted == "" && f.proved == "" {
			continue
		}
		row := AccountRow{Name: f.name, Asserted: f.asserted, Proved: f.proved, Differs: f.asserted != "" && f.proved != "" && f.asserted != f.proved}
		if f.query != 0 {
			row.Query = queryFor(f.query, orElse(f.proved, f.asserted))
		}
		p.Differs = p.Differs || row.Differs
		p.Account = append(p.Account, row)
	}
}

// longestKey bounds, in bytes, an id that an address holds; longer ones are no vendor's.
const longestKey = 1024

// queryFor finds records with the same value; "" for a value that no address should hold.
func queryFor(f search.Field, value string) string {
	if f.IsKey() && len(value) > longestKey {
		return ""
	}
	if len(value) > search.MaxValue && !f.IsKey() { // names are indexed by their beginning, and queries cut alike
		value = strings.ToValidUTF8(value[:search.MaxValue], "")
	}
	return f.String() + ":" + search.Quote(value)
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (p *Record) attributes(attrs audit.Attrs) []Attribute {
	var list []Attribute
	for i, a := range attrs {
		if i == mostAttributes {
			p.Left += len(attrs) - i
			break
		}
		list = append(list, Attribute{a.Name, a.Value.Kind.String(), valueText(a.Value, 0)})
	}
	return list
}

// valueText is a value as text; lists are written like JSON, as far as they are not too deep or long to read.
func valueText(v audit.Value, depth int) string {
	if v.Kind != audit.KindArray {
		return v.Text()
	}
	if depth == 4 {
		return "[…]"
	}
	var b strings.Builder
	b.WriteByte('[')
	for i, e := range v.Items() {
		if i > 0 {
			b.WriteString(", ")
		}
		if i == 64 {
			b.WriteString("…")
			break
		}
		if e.Kind == audit.KindString {
			b.WriteString(strconv.Quote(e.Str()))
		} else {
			b.WriteString(valueText(e, depth+1))
		}
	}
	return b.String() + "]"
}

func (p *Record) parts(r *audit.Record) {
	for i, q := range r.Parts {
		if i == mostParts {
			p.Left += len(r.Parts) - i
			break
		}
		p.Parts = append(p.Parts, Part{Kind: q.Kind, Name: q.Name, Value: valueText(q.Value, 0), Unit: q.Unit, Form: q.Form, Start: q.Start, Time: q.Time,
			Trace: q.Trace, Span: q.Span, Attributes: p.attributes(q.Attributes)})
	}
}

// flagMeaning explains a flag as docs/record.md does.
func flagMeaning(flag string) string {
	switch flag {
	case audit.FlagIdentityMismatch:
		return "the identity the client asserts differs from the one its credential proves"
	case audit.FlagIdentityConflict:
		return "resource and record assert different values for one identifier"
	case audit.FlagClockAbsurd:
		return "the source's clock is more than a day ahead of, or a year behind, the receiver's"
	case audit.FlagNoTime:
		return "the source gave no usable time; “occurred” is the receive time"
	case audit.FlagUnknownType:
		return "no mapping knows this type: it is kept and counted as it came"
	case audit.FlagTruncated:
		return "something exceeded a bound and was cut"
	case audit.FlagDuplicateAttribute:
		return "one attribute name came twice; the later one is kept with a suffix"
	case audit.FlagMalformed:
		return "a value could not be read as what it was sent as; what could be read is kept"
	case audit.FlagInvalidText:
		return "bytes that are no UTF-8 were replaced"
	}
	return "not known to this version of Tripod"
}

// SetSource adds the source form for reading: the canonical bytes, indented, at most so many lines.
func (p *Record) SetSource(canonical []byte) {
	var b bytes.Buffer
	if json.Indent(&b, canonical, "", "  ") != nil {
		b.Reset()
		b.Write(canonical)
	}
	p.Lines = strings.Split(b.String(), "\n")
	if len(p.Lines) > mostLines {
		p.CutAt = len(p.Lines) - mostLines
		p.Lines = p.Lines[:mostLines]
	}
}
