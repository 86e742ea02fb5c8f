package timeline

import (
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Seen is what one source reported of the session.
type Seen struct {
	Source      audit.Source
	Records     int
	First, Last time.Time
	// Prompts, Requests, Tools and Replies are records of the kind, not things that happened: several may speak of one.
	Prompts, Requests, Tools, Replies, Others int
}

// lanes is the order of sources from the client outwards.
func lanes() []audit.Source {
	return []audit.Source{
		audit.SourceOTelLog, audit.SourceOTelSpan, audit.SourceOTelMetric, audit.SourceHookClient, audit.SourceTranscript,
		audit.SourceGatewayLLM, audit.SourceGatewayMCP, audit.SourceProxyEgress, audit.SourceHookInference,
		audit.SourceComplianceSession, audit.SourceComplianceChat, audit.SourceComplianceActivity, audit.SourceComplianceDirectory,
		audit.SourceComplianceSettings, audit.SourceAuditExport, audit.SourceTripod,
	}
}

// reporters are the sources that can tell of a session while it runs, and whose silence says something.
func reporters() []audit.Source {
	return []audit.Source{audit.SourceOTelLog, audit.SourceOTelSpan, audit.SourceOTelMetric, audit.SourceHookClient,
		audit.SourceTranscript, audit.SourceGatewayLLM, audit.SourceGatewayMCP, audit.SourceProxyEgress, audit.SourceHookInference,
		audit.SourceComplianceSession, audit.SourceComplianceActivity}
}

// addSources finds who reported, who was silent, and what all records say of account and software.
func (t *Timeline) addSources() {
	var order []audit.Source
	for i := range t.Items {
		if s := t.Items[i].Record.Source; !slices.Contains(order, s) {
			order = append(order, s)
			if len(order) == mostSources {
				break
			}
		}
	}
	rank := lanes()
	slices.SortStableFunc(order, func(a, b audit.Source) int { return place1(rank, a) - place1(rank, b) })
	for _, s := range order {
		t.Sources = append(t.Sources, Seen{Source: s})
	}
	for _, s := range reporters() {
		if !slices.Contains(order, s) {
			t.Silent = append(t.Silent, s)
		}
	}
	for i := range t.Items {
		item := &t.Items[i]
		if item.Source = slices.Index(order, item.Record.Source); item.Source < 0 {
			item.Source = len(order) - 1
		}
		t.Sources[item.Source].count(item)
		r := item.Record
		t.Surfaces, t.Services = once(t.Surfaces, string(r.Surface)), once(t.Services, r.Service.Name)
		t.Versions = once(t.Versions, r.Service.Version)
		t.Accounts.add(r)
	}
}

// mostSources bounds the lanes; names of sources are not for clients to choose, so there are never as many.
const mostSources = 32

func place1(rank []audit.Source, s audit.Source) int {
	if i := slices.Index(rank, s); i >= 0 {
		return i
	}
	return len(rank)
}

func (s *Seen) count(i *Item) {
	if s.Records++; s.Records == 1 {
		s.First = i.At
	}
	s.Last = i.At
	switch kindOf(i.Record) {
	case KindPrompt:
		s.Prompts++
	case KindRequest:
		s.Requests++
	case KindTool:
		s.Tools++
	case KindReply:
		s.Replies++
	default:
		s.Others++
	}
}

// most bounds lists of names that clients choose.
const most = 16

func once(list []string, s string) []string {
	if s == "" || len(list) >= most || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// Identifier is one identifier of an account as records carry it.
type Identifier struct {
	Field, Value string
}

// Accounts are the identifiers that clients assert and that credentials prove, each once, in order of appearance; of each
// field at most a few.
type Accounts struct {
	Asserted, Proved []Identifier
}

func (a *Accounts) add(r *audit.Record) {
	a.Asserted = addIdentity(a.Asserted, &r.Account.Asserted)
	a.Proved = addIdentity(a.Proved, &r.Account.Proved)
}

func addIdentity(list []Identifier, id *audit.Identity) []Identifier {
	for _, f := range [...]Identifier{
		{"email", id.Email}, {"user", id.User}, {"uuid", id.UUID}, {"subject", id.Subject}, {"os_user", id.OSUser}, {"org", id.Org},
		{"key", id.Key}, {"service", id.Service}, {"device", id.Device}, {"credential", id.Credential},
	} {
		if f.Value != "" && len(list) < 4*most && !slices.Contains(list, f) {
			list = append(list, f)
		}
	}
	return list
}
