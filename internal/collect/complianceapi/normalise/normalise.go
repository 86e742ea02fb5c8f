// Package normalise turns activities of the Compliance API's feed into drafts of audit records.
//
// It promises: nothing an activity says is lost. What its envelope and its actor say stands in the record's own fields,
// other attributes under the feed's names ("updates.0.type" for what is nested) where the allow list lets them; every
// other text becomes a piece of content beside the record. A type, an actor or a field nobody knows is kept. The same
// activity gives the same form, in whatever order its fields come. It holds nothing durable. A Normaliser is safe
// for concurrent use; drafts do not share memory with what they were made of.
//
// Source: https://platform.claude.com/docs/en/manage-claude/compliance-activity-feed.
package normalise

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Version names this normaliser in the records it makes. It changes whenever the same activity would give another record.
const Version = "compliance.activity/1"

// Bounds of one record.
const (
	mostAttrs  = 512      // attributes; further ones stand beside it
	mostBytes  = 64 << 10 // of the attributes together; likewise
	mostItems  = 64       // of an array that stays in a record
	mostOpened = 32       // objects of a list that stand in a record one by one
	maxValue   = 1 << 20  // bytes of a piece; what is longer is cut
)

// usual is about how many attributes a record has.
const usual = 8

// aheadOfUs is how far ahead of the receiver a time may be before it is called absurd. History may be years old.
const aheadOfUs = 24 * time.Hour

// Normaliser makes drafts.
type Normaliser struct {
	types map[string]mapping
	names map[string]audit.Disposition
	open  map[string]bool
	space sync.Pool // of *scratch

	objects *Normaliser // the same by the allow list of objects and messages
}

// New makes a normaliser.
func New() (*Normaliser, error) {
	types, err := catalogue()
	if err != nil {
		return nil, fmt.Errorf("read the embedded list of activity types: %w", err)
	}
	names := dispositions()
	objects := objectDispositions()
	return &Normaliser{types: types, names: names, open: opened(names), objects: &Normaliser{names: objects, open: opened(objects)}}, nil
}

// Origin is where an activity came from.
type Origin struct {
	Credential string    // name of the credential it was read with
	Received   time.Time // when, by the server's clock
	// Salt keys the ids of what has none of its own, so that such an id confirms nobody's guess of a content.
	Salt []byte
}

// Draft is a record before it enters the journal, under the vendor's id.
type Draft struct {
	Record *audit.Record
	Pieces []Piece
	Form   []byte // the source form, serialised the same way for the same activity
}

// Piece is one piece of content that a draft's record refers to. Its fields are those of intake.Piece, which comes with a
// database.
type Piece struct {
	Name      string
	Class     audit.Class
	Kind      audit.Kind
	Value     []byte
	Bytes     int
	Withheld  string
	Truncated bool
}

// Activity is what came of one activity.
type Activity struct {
	Draft Draft
	// Switch is set where the activity says that recording was switched on or off.
	Switch *Switch
}

// Switch is recording being switched on or off for an organisation ("" for the tenant).
type Switch struct {
	Org string    `json:"org,omitempty"`
	At  time.Time `json:"at"`
	On  bool      `json:"on"`
}

// Activity makes a draft of one activity, the JSON object as it came. It takes anything: what is no activity becomes a
// record that says so and keeps it as content.
func (n *Normaliser) Activity(raw []byte, o Origin) Activity {
	m := &maker{n: n, o: o, rec: &audit.Record{
		Normaliser: Version, Source: audit.SourceComplianceActivity, Surface: audit.SurfaceUnknown, Activity: audit.ActivityUnclassified,
		Outcome: audit.OutcomeUnknown,
	}}
	space, _ := n.space.Get().(*scratch)
	if space == nil {
		space = new(scratch)
	}
	defer func() {
		space.reset()
		n.space.Put(space)
	}()
	v, flags, err := parseInto(raw, space)
	for _, f := range flags {
		m.rec.Flag(f)
	}
	if err != nil || v.kind != audit.KindMap {
		return m.unreadable(raw)
	}
	m.row = v
	form := v.appendForm(make([]byte, 0, len(raw)))
	m.rec.Attributes = make(audit.Attrs, 0, usual)
	m.envelope(form)
	m.actor()
	for i := range v.fields {
		if f := &v.fields[i]; !inEnvelope(f.name) {
			m.place(f.name, f.name, &f.value)
		}
	}
	m.finish()
	return Activity{Draft: Draft{Record: m.rec, Pieces: m.pieces, Form: form}, Switch: m.switched()}
}

// unreadable keeps what is no JSON object.
func (m *maker) unreadable(raw []byte) Activity {
	m.rec.Flag(audit.FlagMalformed)
	m.rec.Flag(audit.FlagNoTime)
	m.rec.ID, m.rec.Occurred = m.unidentified(raw), m.o.Received.UTC()
	m.piece("body", audit.ClassText, audit.KindBytes, raw)
	m.finish()
	return Activity{Draft: Draft{Record: m.rec, Pieces: m.pieces, Form: raw}}
}

// unidentified makes an id of what has none: the same again has the same.
func (m *maker) unidentified(form []byte) string {
	mac := hmac.New(sha256.New, m.o.Salt)
	mac.Write(form)
	return "unidentified_" + audit.Hex(mac.Sum(nil)[:16])
}

// maker makes one record.
type maker struct {
	n      *Normaliser
	o      Origin
	row    value
	rec    *audit.Record
	pieces []Piece
	size   int     // bytes of its attributes
	rest   []field // attributes that are too many for the record
}

// place puts a value where the allow list wants it: into the record under its name, or beside it. path is the name
// without positions in lists.
func (m *maker) place(name, path string, v *value) {
	disp := m.n.names[path]
	switch v.kind {
	case audit.KindMap:
		if m.n.open[path] && len(v.fields) > 0 {
			for i := range v.fields {
				m.place(name+"."+v.fields[i].name, path+"."+v.fields[i].name, &v.fields[i].value)
			}
			return
		}
	case audit.KindArray:
		if m.placeArray(name, path, v, disp) {
			return
		}
	case audit.KindString:
		if m.stays(path, v.str, disp) {
			m.attr(name, v)
			return
		}
		m.route(name, path, v.str)
	default: // null, booleans and numbers
		m.attr(name, v)
		return
	}
	m.beside(name, disp, v)
}

// placeArray reports whether it found a place for a list in the record.
func (m *maker) placeArray(name, path string, v *value, disp audit.Disposition) bool {
	if m.n.open[path] && len(v.items) > 0 && len(v.items) <= mostOpened {
		for i := range v.items {
			m.place(name+"."+strconv.Itoa(i), path, &v.items[i])
		}
		return true
	}
	if len(v.items) > 0 && (disp != audit.Keep || len(v.items) > mostItems) {
		return false
	}
	for i := range v.items {
		switch it := &v.items[i]; it.kind {
		case audit.KindMap, audit.KindArray:
			return false
		case audit.KindString:
			if len(it.str) > audit.MaxKeptString {
				return false
			}
		}
	}
	m.attr(name, v)
	return true
}

// stays reports whether a text may stay in the record.
func (m *maker) stays(path, s string, disp audit.Disposition) bool {
	if s == "" {
		return true
	}
	if len(s) > audit.MaxKeptString {
		return false
	}
	return disp == audit.Keep || path == "url" && isRoute(s) || path == "href" && isChatAddress(s)
}

// route keeps in the record which route a URL with a query is of; the query can name accounts and times.
func (m *maker) route(name, path, s string) {
	if before, _, query := strings.Cut(s, "?"); query && path == "url" && isRoute(before) && len(before) <= audit.MaxKeptString {
		m.attr(name+".route", &value{kind: audit.KindString, str: strings.TrimPrefix(before, "https://api.anthropic.com")})
	}
}

// attr keeps a value in the record.
func (m *maker) attr(name string, v *value) {
	if m.size += len(name) + v.size(); len(m.rec.Attributes) >= mostAttrs || m.size > mostBytes {
		m.rest = append(m.rest, field{name, *v})
		return
	}
	m.rec.Attributes = append(m.rec.Attributes, audit.Attr{Name: m.name(name), Value: v.value()})
}

// name bounds the name of an attribute.
func (m *maker) name(s string) string {
	if len(s) <= audit.MaxName {
		return s
	}
	m.rec.Flag(audit.FlagTruncated)
	s = s[:audit.MaxName]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}

// beside keeps a value as content.
func (m *maker) beside(name string, disp audit.Disposition, v *value) {
	class := disp.Class()
	if disp == audit.Keep { // too long, or of a kind no allowed value has: something else wearing the name
		class = audit.ClassText
		m.rec.Flag(audit.FlagTruncated)
	}
	if v.kind == audit.KindString {
		m.piece(name, class, v.kind, []byte(v.str))
		return
	}
	m.piece(name, class, v.kind, v.appendJSON(nil))
}

// long keeps a text as content, in as many pieces as its length needs.
func (m *maker) long(name string, class audit.Class, b []byte) {
	for n := 0; ; n++ {
		end := min(len(b), maxValue)
		m.piece(numbered(name, n), class, audit.KindString, b[:end])
		if b = b[end:]; len(b) == 0 {
			return
		}
	}
}

func (m *maker) piece(name string, class audit.Class, kind audit.Kind, b []byte) {
	if len(m.pieces) >= mostAttrs && name != "attributes" {
		m.rest = append(m.rest, field{name, value{kind: audit.KindString, str: string(b)}})
		return
	}
	p := Piece{Name: m.name(name), Class: class, Kind: kind, Value: append([]byte{}, b...), Bytes: len(b)}
	if len(p.Value) > maxValue {
		p.Value, p.Truncated = p.Value[:maxValue], true
		m.rec.Flag(audit.FlagTruncated)
	}
	m.pieces = append(m.pieces, p)
}
