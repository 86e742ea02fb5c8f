package page

import (
	"net/url"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/organisation"
	"github.com/tripod-audit/tripod/internal/wording"
)

// Organisation is the page of what is administered. A part that could not be read has its problem in its place.
type Organisation struct {
	Now     time.Time
	Nothing bool // nothing of the control plane has come
	Behind  uint64

	Drift, Settings, Gone []SettingRow
	Read                  bool // a sweep of the settings is among what is known
	History               []SettingChange
	SettingsProblem       *Problem

	Keys        []organisation.Key
	Callers     []organisation.Caller
	KeysProblem *Problem

	Accounts        *AccountList
	AccountsProblem *Problem
}

// Few reports whether all settings fit beside the rest of the page.
func (o *Organisation) Few() bool { return len(o.Drift) == 0 && len(o.Settings) <= 15 }

// SettingRow is one setting in words.
type SettingRow struct {
	organisation.Setting
	Words, Text, Want string
	Whose             string    // the organisation, where there is more than one
	Who, Hidden       time.Time // when By changed it; since when it is no longer shown
}

// NewSettingRow puts a setting into words.
func NewSettingRow(s *organisation.Setting) SettingRow {
	r := SettingRow{Setting: *s, Words: capital(wording.SettingName(s.Name)), Text: settingText(s.Value, s.Told)}
	if s.Expected != "" {
		r.Want = wording.SettingValue(s.Expected)
	}
	if s.ByAt != nil {
		r.Who = *s.ByAt
	}
	r.Hidden = at(s.GoneAt)
	return r
}

// SettingChange is one change of a setting in words.
type SettingChange struct {
	organisation.SettingChange
	Words, Text, Was, How string
}

// NewSettingChange puts a change into words.
func NewSettingChange(c *organisation.SettingChange) SettingChange {
	s := SettingChange{SettingChange: *c, Words: capital(wording.SettingName(c.Name)), Text: settingText(c.Value, c.Told)}
	if c.Previous != "" {
		s.Was = wording.SettingValue(c.Previous)
	}
	switch c.Change {
	case "removed":
		s.How = "no longer listed"
	case "judged":
		s.How = "judged anew by the baseline"
	case "first_seen":
		s.How = "first seen"
	case "returned":
		s.How = "listed again"
	}
	return s
}

func settingText(value string, told bool) string {
	if !told {
		return "(content)"
	}
	return wording.SettingValue(value)
}

// capital begins a sentence.
func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// AccountList is a page of the list of accounts.
type AccountList struct {
	Text   string // filter
	States []Link // with counts
	State  string
	Rows   []ListedAccount
	Total  int
	Prev   string
	Next   string
	From   int // number of the first row
}

// ListedAccount is one account in the list.
type ListedAccount struct {
	*organisation.Account
	URL string
}

// LeftAt is when it left, the zero time where that is not known.
func (r ListedAccount) LeftAt() time.Time { return at(r.Left) }

// JoinedAt is when it joined, the zero time where that is not known.
func (r ListedAccount) JoinedAt() time.Time { return at(r.Joined) }

func at(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// AccountURL is the address of an account's page.
func AccountURL(id string) string { return "/organisation/account?" + url.Values{"id": {id}}.Encode() }

// AccountPage is the page of one account.
type AccountPage struct {
	Now time.Time
	ListedAccount
	History []organisation.AccountEvent
	Query   string // finds its records
}
