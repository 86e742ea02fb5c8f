package reviews

import (
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Kind is what somebody did, in a few words of a closed list.
type Kind string

// The kinds.
const (
	KindSearch    Kind = "search"    // a query
	KindList      Kind = "list"      // a list of accounts
	KindRecord    Kind = "record"    // one record, its source form or its proof
	KindSession   Kind = "session"   // one session
	KindAccount   Kind = "account"   // the page of one account
	KindContent   Kind = "content"   // content opened under a grant
	KindExport    Kind = "export"    // records downloaded
	KindPage      Kind = "page"      // a page that is about nobody: overview, health
	KindCase      Kind = "case"      // a case opened, closed, joined, left
	KindGrant     Kind = "grant"     // a grant asked for, approved, denied, broken into, reviewed
	KindHold      Kind = "hold"      // a legal hold
	KindRetention Kind = "retention" // retention and purge
	KindErasure   Kind = "erasure"   // an order to erase
	KindSignIn    Kind = "sign_in"   // signing in and out, ending sign-ins
	KindToken     Kind = "token"     // API tokens made and ended
	KindRefused   Kind = "refused"   // something asked for that somebody may not do
	KindReview    Kind = "review"    // a look at who looked
	KindSetting   Kind = "setting"   // a change of what is kept
	KindOperation Kind = "operation" // maintenance by order: import, backup, keys
)

// Kinds lists them in the order pages show them.
func Kinds() []Kind {
	return []Kind{KindSearch, KindList, KindRecord, KindSession, KindAccount, KindContent, KindExport, KindPage, KindCase, KindGrant, KindHold,
		KindRetention, KindErasure, KindSignIn, KindToken, KindRefused, KindReview, KindSetting, KindOperation}
}

// Types of records this package knows of its own.
const (
	TypeOpen   = "tripod.reviews.open"   // who looked was looked at: tripod.page, and what was asked for
	TypeDigest = "tripod.reviews.digest" // the digest of a week was made: week and counts
	TypeRead   = "tripod.reviews.read"   // a privacy officer read the digest of a week: week
)

// types says, by the beginning of a record's type, what kind of act it is. Longer ones come first.
var types = []struct {
	prefix string
	kind   Kind
}{
	{"tripod.console.search", KindSearch},
	{"tripod.console.export", KindExport},
	{"tripod.console.open", KindPage}, // or what the page says; see kindOfPage
	{"tripod.console.", KindSignIn},
	{"tripod.content.open", KindContent},
	{"tripod.case.", KindCase},
	{"tripod.grant.", KindGrant},
	{"tripod.hold.", KindHold},
	{"tripod.retention.", KindRetention},
	{"tripod.erase.record", KindErasure},
	{"tripod.erase.con", KindErasure}, // container, content
	{"tripod.signin.", KindSignIn},
	{"tripod.token.", KindToken},
	{"tripod.access.refused", KindRefused},
	{TypeOpen, KindReview},
	{TypeRead, KindReview},
	{"tripod.capture.", KindSetting},
	{"tripod.import.start", KindOperation},
	{"tripod.backup", KindOperation},
	{"tripod.restore", KindOperation},
	{"tripod.key", KindOperation},
	{"tripod.recover", KindOperation},
}

// kindOfPage is what opening a page of the console is.
func kindOfPage(page string) Kind {
	switch name, _, _ := strings.Cut(page, "."); name {
	case "record":
		return KindRecord
	case "session":
		return KindSession
	case "account":
		return KindAccount
	case "organisation":
		return KindList
	case "reviews":
		return KindReview
	case "case", "cases":
		return KindCase
	}
	return KindPage
}

// Look is one act of somebody who uses Tripod.
type Look struct {
	Seq     uint64        `json:"record"` // of the act itself
	At      time.Time     `json:"at"`
	Kind    Kind          `json:"kind"`
	Type    string        `json:"type"`
	Outcome audit.Outcome `json:"outcome"`
	Who     string        `json:"who,omitempty"`     // the account by the identifier that tells it best
	Token   string        `json:"token,omitempty"`   // the API token it was done with
	Case    string        `json:"case,omitempty"`    // under which it was done
	Purpose string        `json:"purpose,omitempty"` // code of the purpose
	Class   audit.Class   `json:"class,omitempty"`   // of content opened or asked for
	Grant   string        `json:"grant,omitempty"`
	// What it was about, as far as the record names it.
	Page      string `json:"page,omitempty"`
	Position  uint64 `json:"position,omitempty"`
	Session   string `json:"session,omitempty"`
	Container string `json:"container,omitempty"`
	Query     *Query `json:"query,omitempty"` // text of a query, or whom somebody looked for
	item      *audit.Record
}

// States of the text of a query beside those of package content.
const (
	StateSealed   = "sealed"   // nobody asked to open it
	StateWithheld = "withheld" // the capture policy keeps less
)

// Query is the text of a query, which is content of class detail.
type Query struct {
	Text  string `json:"text,omitempty"`
	State string `json:"state"` // "held" where Text is it; else why it is not: sealed, withheld, erased, missing
}

// LookOf reads an own act; false for a record that is nobody's look or decision.
func LookOf(seq uint64, r *audit.Record) (Look, bool) {
	kind, ok := kindOf(r)
	if !ok {
		return Look{}, false
	}
	text := func(name string) string {
		v, _ := r.Attributes.Get(name)
		return v.Text()
	}
	l := Look{
		Seq: seq, At: r.Recorded, Kind: kind, Type: r.Type, Outcome: r.Outcome, Case: r.Case, Token: r.Account.Proved.Credential,
		Purpose: text("purpose"), Class: audit.Class(text("class")), Grant: text("grant"), Page: text("tripod.page"), Session: text("session.id"),
		Container: text("container"), item: r,
	}
	l.Who, _ = r.Account.Telling()
	if v, found := r.Attributes.Get("position"); found {
		if n, ok := v.Int64(); ok && n > 0 {
			l.Position = uint64(n)
		}
	}
	if c := queryOf(r); c != nil {
		l.Query = &Query{State: StateSealed}
		if c.Withheld != "" {
			l.Query.State = StateWithheld
		}
	}
	return l, true
}

func kindOf(r *audit.Record) (Kind, bool) {
	if r.Source != audit.SourceTripod {
		return "", false
	}
	for _, t := range types {
		if !strings.HasPrefix(r.Type, t.prefix) {
			continue
		}
		if t.kind == KindPage {
			page, _ := r.Attributes.Get("tripod.page")
			return kindOfPage(page.Text()), true
		}
		return t.kind, true
	}
	return "", false
}

// queryOf is the reference to the text of a query; nil for none.
func queryOf(r *audit.Record) *audit.Content {
	for i := range r.Content {
		if r.Content[i].Name == "query" {
			return &r.Content[i]
		}
	}
	return nil
}

// Record is the act as it stands in the journal. It must not be changed.
func (l *Look) Record() *audit.Record { return l.item }
