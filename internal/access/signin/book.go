package signin

import (
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
)

// Types of the records that signing in and its ends, and API tokens, leave. Those of tripod.signin and tripod.token are
// what decisions rest on.
const (
	TypeEnter   = "tripod.console.enter"   // somebody signed in
	TypeRefused = "tripod.access.refused"  // somebody was not let in, or not allowed; bounded in number
	TypeEnd     = "tripod.signin.end"      // a sign-in was ended
	TypeEndAll  = "tripod.signin.end_all"  // those of a person, or of everybody
	TypeOver    = "tripod.signin.takeover" // the first administrator came in by the identity provider
	TypeKept    = "tripod.signin.kept"     // the bootstrap administrator is kept all the same
	TypeToken   = "tripod.token.make"
	TypeUntoken = "tripod.token.end"
	// TypeUntokenAll ends every token there is: a restore does, since those that were ended after the backup would be good again.
	TypeUntokenAll = "tripod.token.end_all"
)

// Names of the attributes of these records.
const (
	attrSession = "sign_in.id"
	attrSubject = "sign_in.subject"
	attrReason  = "sign_in.reason"
	attrVia     = "sign_in.via"
	attrRoles   = "sign_in.roles"
	attrFrom    = "sign_in.from"

	attrToken        = "token.id"
	attrTokenName    = "token.name"
	attrTokenDigest  = "token.digest"
	attrTokenOwner   = "token.owner"
	attrTokenEmail   = "token.owner_email"
	attrTokenManager = "token.owner_manager"
	attrTokenRoles   = "token.roles"
	attrTokenOnly    = "token.rights"
	attrTokenCases   = "token.cases"
	attrTokenMaker   = "token.maker_roles"
	attrTokenUntil   = "token.until"

	attrWhat   = "access.what"
	attrReach  = "access.reason"
	attrUntold = "access.untold"
)

// remembered is how long ends are remembered: longer than any sign-in lasts.
const remembered = MaxSession + time.Hour

// Book is what records say of ends of sign-ins, of tokens and of the bootstrap administrator. It is a fold of the acts, so
// it is read and changed under the lock of acts.State only.
type Book struct {
	ended    map[string]time.Time // by id of the sign-in
	endedAll map[string]end       // by subject; "" is everybody
	tokens   map[string]*Token    // by id, those that have ended and run out, too
	over     bool
	latest   time.Time
}

// end is an end of all sign-ins that began before it.
type end struct {
	seq uint64
	at  time.Time
}

// NewBook makes an empty book.
func NewBook() *Book {
	return &Book{ended: make(map[string]time.Time), endedAll: make(map[string]end), tokens: make(map[string]*Token)}
}

// Apply implements acts.Fold.
func (b *Book) Apply(seq uint64, r *audit.Record) {
	if r.Recorded.After(b.latest) {
		b.latest = r.Recorded
		b.forget()
	}
	switch r.Type {
	case TypeEnd:
		if id := text(r, attrSession); id != "" {
			b.ended[id] = r.Recorded
		}
	case TypeEndAll:
		b.endedAll[text(r, attrSubject)] = end{seq, r.Recorded}
	case TypeOver:
		b.over = true
	case TypeToken:
		if t := tokenOf(seq, r); t != nil && b.tokens[t.ID] == nil && b.named(t.Name) == nil {
			b.tokens[t.ID] = t
		}
	case TypeUntokenAll:
		for id, t := range b.tokens {
			if t.Ended.IsZero() {
				ended := *t
				ended.Ended = r.Recorded
				b.tokens[id] = &ended
			}
		}
	case TypeUntoken:
		if t := b.tokens[text(r, attrToken)]; t != nil && t.Ended.IsZero() {
			ended := *t // what was given out does not change
			ended.Ended = r.Recorded
			b.tokens[t.ID] = &ended
		}
	}
}

// forget drops ends of sign-ins that have run out anyway.
func (b *Book) forget() {
	old := func(at time.Time) bool { return b.latest.Sub(at) > remembered }
	maps.DeleteFunc(b.ended, func(_ string, at time.Time) bool { return old(at) })
	maps.DeleteFunc(b.endedAll, func(_ string, e end) bool { return old(e.at) })
}

// Back implements acts.Keeper: a clock that was set back ends every sign-in, and leaves of a token what was left of it.
func (b *Book) Back(seq uint64, from, to time.Time) {
	b.endedAll[""] = end{seq, to}
	b.latest = to
	for id, t := range b.tokens {
		if !t.Ended.IsZero() {
			continue
		}
		next := *t // what was given out does not change
		if t.Until.After(from) {
			next.Until = t.Until.Add(to.Sub(from))
		} else {
			next.Ended = t.Until
		}
		b.tokens[id] = &next
	}
}

// has reports whether a sign-in that began at a position was ended.
func (b *Book) has(s *Session) bool {
	_, one := b.ended[s.ID]
	return one || b.endedAll[s.Person.Subject].seq > s.seq || b.endedAll[""].seq > s.seq
}

// named finds a token that is good by its name.
func (b *Book) named(name string) *Token {
	for _, t := range b.tokens {
		if t.Name == name && t.Ended.IsZero() && b.latest.Before(t.Until) {
			return t
		}
	}
	return nil
}

// list is every token, the newest first.
func (b *Book) list() []*Token {
	return slices.SortedFunc(maps.Values(b.tokens), func(x, y *Token) int { return int(y.seq) - int(x.seq) })
}

// tokenOf reads a token out of the record of its making; nil where that does not make one.
func tokenOf(seq uint64, r *audit.Record) *Token {
	t := &Token{ID: text(r, attrToken), Name: text(r, attrTokenName), Owner: text(r, attrTokenOwner), Email: text(r, attrTokenEmail), manager: text(r, attrTokenManager), Made: r.Recorded, seq: seq}
	t.By = r.Account.Proved.Telling()
	d, err := hex.DecodeString(text(r, attrTokenDigest))
	until, errUntil := time.Parse(time.RFC3339, text(r, attrTokenUntil))
	if err != nil || errUntil != nil || len(d) != len(t.digest) || t.ID == "" || t.Owner == "" || t.By == "" || !tokenName.MatchString(t.Name) {
		return nil
	}
	t.digest, t.Until = digest(d), until
	if until.Sub(r.Recorded) > MaxToken+time.Hour {
		return nil
	}
	for _, role := range words(r, attrTokenRoles) {
		t.Roles = append(t.Roles, access.Role(role))
	}
	for _, right := range words(r, attrTokenOnly) {
		t.Only = append(t.Only, access.Right(right))
	}
	for _, role := range words(r, attrTokenMaker) {
		t.maker = append(t.maker, access.Role(role))
	}
	if cases := words(r, attrTokenCases); len(cases) > 0 {
		t.Cases = cases
	}
	return t
}

func text(r *audit.Record, name string) string {
	v, _ := r.Attributes.Get(name)
	return v.Str()
}

func words(r *audit.Record, name string) []string { return strings.Fields(text(r, name)) }

func attr(name, value string) audit.Attr { return audit.Attr{Name: name, Value: audit.String(value)} }

// joined writes a list into one attribute.
func joined[T ~string](list []T) string {
	s := make([]string, len(list))
	for i, x := range list {
		s[i] = string(x)
	}
	return strings.Join(s, " ")
}
