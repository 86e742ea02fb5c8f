package correlate

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Kind names what disagrees or did not come. The set is open.
type Kind string

// The kinds.
const (
	KindSequenceGap           Kind = "sequence_gap"
	KindIdentityMismatch      Kind = "identity_mismatch"
	KindIdentityConflict      Kind = "identity_conflict"
	KindDecisionWithoutResult Kind = "decision_without_result"
	KindResultWithoutDecision Kind = "result_without_decision"
	KindClock                 Kind = "clock"
	KindUnrecognisedCall      Kind = "unrecognised_call"
	KindUnrecordedCall        Kind = "unrecorded_call"
	KindSettingsDrift         Kind = "settings_drift"
)

// Kinds lists them in the order documents show them.
func Kinds() []Kind {
	return []Kind{KindSequenceGap, KindIdentityMismatch, KindIdentityConflict, KindDecisionWithoutResult, KindResultWithoutDecision, KindClock,
		KindUnrecognisedCall, KindUnrecordedCall, KindSettingsDrift}
}

// State is whether a discrepancy still stands.
type State string

// The states. Late data closes a discrepancy; one that lasted no longer than Grace leaves no trace.
const (
	StateOpen   State = "open"
	StateClosed State = "closed"
)

// Severity is how much a discrepancy matters if nothing explains it.
type Severity string

// The severities.
const (
	SeverityLow    Severity = "low"
	SeverityMedium Severity = "medium"
	SeverityHigh   Severity = "high"
)

// Grace is how long, in journal time, data may still be on its way: until then a discrepancy is provisional. A client
// of OpenTelemetry retries an export for up to 30 seconds.
const Grace = 2 * time.Minute

// ResultWithin is how long, in journal time, the result of an allowed tool call may take.
const ResultWithin = 24 * time.Hour

// Discrepancy is one thing that disagrees or did not come. Its JSON form is stable.
type Discrepancy struct {
	ID        string   `json:"id"` // the same after a rebuild, and while the discrepancy grows, shrinks or closes
	Kind      Kind     `json:"kind"`
	Statement string   `json:"statement"`
	Severity  Severity `json:"severity"`
	State     State    `json:"state"`
	// Provisional: data that explains it may still be on its way.
	Provisional bool `json:"provisional,omitempty"`
	// Count is how many records are missing or affected; 0 once closed.
	Count int64 `json:"count"`
	// FirstSeq and LastSeq are the journal positions of the records around it, or of the first and last one affected;
	// 0 where there is none.
	FirstSeq uint64 `json:"first_seq,omitempty"`
	LastSeq  uint64 `json:"last_seq,omitempty"`

	Credential     string   `json:"credential,omitempty"` // name of the credential that delivered the records
	Account        *Account `json:"account,omitempty"`    // as asserted by the client
	AccountErased  bool     `json:"account_erased,omitempty"`
	Session        string   `json:"session,omitempty"`
	Service        string   `json:"service,omitempty"`
	ServiceVersion string   `json:"service_version,omitempty"`

	// From and To bound when it happened, by the source's clock (for KindClock by Tripod's).
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	// Recorded is when the record that shows it entered the journal.
	Recorded time.Time `json:"recorded"`

	Details Details `json:"details"`

	accountSeq uint64 // the record that asserted Account; 0 if nobody did
}

// Account is who acted, as the client says. It is never "the person".
type Account struct {
	User    string `json:"user,omitempty"`
	UUID    string `json:"uuid,omitempty"`
	Email   string `json:"email,omitempty"`
	Subject string `json:"subject,omitempty"`
	Org     string `json:"org,omitempty"`
	Device  string `json:"device,omitempty"`
}

// Details are particular to a kind.
type Details struct {
	Missing         []Range  `json:"missing,omitempty"`          // sequence numbers that did not come
	PreviousSession string   `json:"previous_session,omitempty"` // session of the record before the gap, where it is another
	ErasedAround    int64    `json:"erased_around,omitempty"`    // records erased since that may have been some of those missing
	Gaps            int64    `json:"gaps,omitempty"`             // how many gaps are summed up here
	Differs         []string `json:"differs,omitempty"`          // identifiers that differ
	Proved          *Account `json:"proved,omitempty"`           // what the credential proves
	ToolUses        []string `json:"tool_uses,omitempty"`        // the first tool uses concerned
	OffsetMin       string   `json:"offset_min,omitempty"`       // the source's clock minus Tripod's, least and most
	OffsetMax       string   `json:"offset_max,omitempty"`
	Key             string   `json:"key,omitempty"` // vendor id of the key, never the key
	Address         string   `json:"address,omitempty"`
	UserAgent       string   `json:"user_agent,omitempty"`   // without run and number
	Calls           []Call   `json:"calls,omitempty"`        // the first calls concerned
	Organization    string   `json:"organization,omitempty"` // UUID
	Setting         string   `json:"setting,omitempty"`      // by the vendor's name
	Value           string   `json:"value,omitempty"`        // of the setting, where it stands in the record
	Expected        string   `json:"expected,omitempty"`     // by the baseline
	Rule            string   `json:"rule,omitempty"`         // of the baseline
	Reason          string   `json:"reason,omitempty"`       // of that rule, as it stood when the setting was judged
	Act             uint64   `json:"act,omitempty"`          // position of the record that says who changed it
}

// Call is one call to the Compliance API, as the side that has it tells.
type Call struct {
	At      time.Time `json:"at,omitzero"`
	Request string    `json:"request,omitempty"` // the vendor's id of it
	Method  string    `json:"method,omitempty"`
	Route   string    `json:"route,omitempty"`
	Run     string    `json:"run,omitempty"` // of Tripod, as it says
	Number  int64     `json:"number,omitempty"`
	Why     string    `json:"why,omitempty"` // it is not recognised
}

// Range is a range of sequence numbers, both ends included.
type Range struct {
	First int64 `json:"first"`
	Last  int64 `json:"last"`
}

func accountOf(id *audit.Identity) Account {
	return Account{User: id.User, UUID: id.UUID, Email: id.Email, Subject: id.Subject, Org: id.Org, Device: id.Device}
}

// orNil leaves an account nobody asserted out of the JSON.
func (a Account) orNil() *Account {
	if a == (Account{}) {
		return nil
	}
	return &a
}

// named reports whether anything beyond the installation is asserted.
func (a *Account) named() bool {
	return a.User != "" || a.UUID != "" || a.Email != "" || a.Subject != ""
}

// discrepancyID digests what a discrepancy is about. Parts are delimited, so no two lists of parts give one id.
func discrepancyID(kind Kind, parts ...string) string {
	sum := digest("tripod/discrepancy/v1", append([]string{string(kind)}, parts...)...)
	return "dsc_" + hex.EncodeToString(sum[:12])
}

func digest(domain string, parts ...string) [sha256.Size]byte {
	b := make([]byte, 0, 256)
	b = append(b, domain...)
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	return sha256.Sum256(b)
}
