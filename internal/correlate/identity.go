package correlate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// identities finds records whose client asserts an identity other than the one its credential proves
// (KindIdentityMismatch), and those that assert two different ones (KindIdentityConflict). What is asserted anybody can set:
// attributes of the resource come from an environment variable of the client.
type identities struct {
	tallies[identityKey]
}

type identityKey struct {
	kind                        Kind
	credential, device, session string
	differs                     string
}

func (x *identities) observe(ctx context.Context, tx *transaction, r *audit.Record, seq uint64) error {
	for _, flag := range r.Flags {
		var err error
		switch flag {
		case audit.FlagIdentityMismatch:
			err = x.count(ctx, tx, KindIdentityMismatch, mismatched(&r.Account), r, seq)
		case audit.FlagIdentityConflict:
			err = x.count(ctx, tx, KindIdentityConflict, conflicting(r), r, seq)
		}
		if err != nil {
			return fmt.Errorf("identities: %w", err)
		}
	}
	return nil
}

func (x *identities) count(ctx context.Context, tx *transaction, kind Kind, differs []string, r *audit.Record, seq uint64) error {
	asserted := &r.Account.Asserted
	key := identityKey{kind, r.Account.Proved.Credential, asserted.Device, r.Keys.Session, strings.Join(differs, ",")}
	_, err := x.add(ctx, tx, key, r, seq, func() *Discrepancy {
		d := &Discrepancy{
			ID:   discrepancyID(kind, key.credential, key.device, key.session, key.differs),
			Kind: kind, Severity: SeverityMedium, State: StateOpen, Credential: key.credential, Account: accountOf(asserted).orNil(), accountSeq: seq,
			Session: key.session, Service: r.Service.Name, ServiceVersion: r.Service.Version, Details: Details{Differs: differs},
		}
		if kind == KindIdentityMismatch {
			d.Severity = SeverityHigh
			d.Details.Proved = accountOf(&r.Account.Proved).orNil()
		}
		return d
	})
	return err
}

func (x *identities) flush(ctx context.Context, tx *transaction) error {
	return x.tallies.flush(ctx, tx, func(d *Discrepancy) string {
		what := "identity"
		if len(d.Details.Differs) > 0 {
			what = strings.Join(d.Details.Differs, ", ")
		}
		verb := "assert"
		if d.Count == 1 {
			verb = "asserts"
		}
		records := fmt.Sprintf("%s of %s", plural(d.Count, "record"), sessionName(d.Session))
		if d.Kind == KindIdentityMismatch {
			return fmt.Sprintf("%s %s another %s than the credential proves", records, verb, what)
		}
		return fmt.Sprintf("%s %s two different values for %s", records, verb, what)
	})
}

func (x *identities) erase(_ context.Context, _ *transaction, seq uint64) error {
	x.tallies.erase(seq)
	return nil
}

// mismatched names the identifiers that are both asserted and proved, and differ.
func mismatched(a *audit.Account) []string {
	var names []string
	for _, f := range []struct{ name, asserted, proved string }{
		{"user", a.Asserted.User, a.Proved.User},
		{"account UUID", a.Asserted.UUID, a.Proved.UUID},
		{"e-mail address", a.Asserted.Email, a.Proved.Email},
		{"subject", a.Asserted.Subject, a.Proved.Subject},
		{"organisation", a.Asserted.Org, a.Proved.Org},
		{"API key", a.Asserted.Key, a.Proved.Key},
		{"service account", a.Asserted.Service, a.Proved.Service},
		{"device", a.Asserted.Device, a.Proved.Device},
		{"login name", a.Asserted.OSUser, a.Proved.OSUser},
	} {
		if f.asserted != "" && f.proved != "" && !strings.EqualFold(f.asserted, f.proved) {
			names = append(names, f.name)
		}
	}
	return names
}

// identifying are the attributes that carry identifiers of an account.
var identifying = []string{
	"user.id", "user.email", "user.account_uuid", "user.account_id", "organization.id", "enduser.id", "enduser.sub", "process.owner", "session.id",
}

// conflicting names the identifying attributes that come with different values: on resource and record, or twice on one,
// where the second stands under its name and "#2".
func conflicting(r *audit.Record) []string {
	first := make(map[string]string, len(identifying))
	var names []string
	for _, attrs := range []audit.Attrs{r.Resource, r.Attributes} {
		for _, a := range attrs {
			name, _, _ := strings.Cut(a.Name, "#")
			if !slices.Contains(identifying, name) || slices.Contains(names, name) {
				continue
			}
			if v, seen := first[name]; !seen {
				first[name] = a.Value.Text()
			} else if !strings.EqualFold(v, a.Value.Text()) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}
