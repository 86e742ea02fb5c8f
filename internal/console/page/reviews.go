package page

import (
	"net/url"

	"github.com/tripod-audit/tripod/internal/reviews"
	"github.com/tripod-audit/tripod/internal/wording"
)

// Reviews is the page of who looked at what.
type Reviews struct {
	Who, Kind, Case, After, Before string // as the form was sent
	Kinds                          []Option
	Rows                           []LookRow
	Next                           string // address of the next page, "" for none
	First                          string // of the first, where this is another
	CSV, NDJSON                    string // addresses of downloads
	Behind                         uint64
	Unreadable                     string
}

// Option is one value of a choice.
type Option struct {
	Value, Name string
	Chosen      bool
}

// LookRow is one act in words.
type LookRow struct {
	reviews.Look
	Deed   string
	Target Target
}

// NewLookRow puts an act into words.
func NewLookRow(l reviews.Look) LookRow {
	return LookRow{Look: l, Deed: wording.Deed(l.Record()), Target: TargetOf(l.Record())}
}

// KindName is a kind in words.
func KindName(k reviews.Kind) string {
	switch k {
	case reviews.KindSignIn:
		return "sign-in"
	case reviews.KindReview:
		return "look at this log"
	case reviews.KindSetting:
		return "what is kept"
	case reviews.KindPage:
		return "other page"
	}
	return string(k)
}

// Consultations is the page of what concerned one account, without who.
type Consultations struct {
	Account     string
	Asked       bool
	Rows        []reviews.Consultation
	More        bool // there are more than are shown
	Told        reviews.Consulted
	CSV, NDJSON string
}

// ConsultationsURL is the address of who looked at an account.
func ConsultationsURL(account string) string {
	return "/reviews/consultations?" + url.Values{"account": {account}}.Encode()
}

// PurposeName is the code of a purpose in words.
func PurposeName(code string) string {
	names := map[string]string{
		"incident": "incident", "access_request": "access request", "erasure_request": "erasure request", "legal_matter": "legal matter",
		"employment": "employment matter", "ediscovery": "e-discovery", "audit_sample": "audit sample", "service_test": "test of the service",
	}
	if name := names[code]; name != "" {
		return name
	}
	return code
}
