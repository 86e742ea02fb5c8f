package casebook

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
)

// Bounds of what is looked up for one request.
const (
	maxSurveyed = 1_000 // containers of the records it covers
	maxOwners   = 2_000 // identifiers of their owners
)

// cover is whose content something is.
type cover struct {
	owners  []string // identifiers, sorted
	groups  []string
	unknown bool // of some of it nobody is known as owner
	matches int
}

// survey finds out whose content a request covers.
func (d *Desk) survey(ctx context.Context, a *Ask) (*cover, error) {
	s := newSurveyor(d)
	for _, container := range a.Containers {
		owned, err := s.container(ctx, container)
		if err != nil {
			return nil, err
		}
		s.unknown = s.unknown || !owned
	}
	seqs := a.Records
	if a.Query != "" {
		found, err := d.find(ctx, a.Query)
		if err != nil {
			return nil, err
		}
		s.matches, seqs = len(found), append(slices.Clone(seqs), found...)
	}
	for page := range slices.Chunk(seqs, 500) {
		stored, _, err := d.deps.Journal.GetReadable(ctx, page...)
		if err != nil {
			return nil, fmt.Errorf("%w: read what is asked for: %w", ErrInvalid, err)
		}
		for i := range stored {
			if err := s.stored(ctx, &stored[i]); err != nil {
				return nil, err
			}
		}
	}
	if s.unknown && !a.OwnerUnknown {
		return nil, fmt.Errorf("%w: of some of this content nobody is known as owner; say that the owner is unknown, which takes two people", ErrInvalid)
	}
	return s.sum()
}

// find lists what a query matches now.
func (d *Desk) find(ctx context.Context, query string) ([]uint64, error) {
	last, err := d.deps.Journal.Last(ctx)
	if err != nil {
		return nil, err
	}
	found, more, err := d.deps.Queries.Find(ctx, query, time.Now(), last, MaxMatches)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if more {
		return nil, fmt.Errorf("%w: the query finds more than %d records; narrow it", ErrInvalid, MaxMatches)
	}
	return found, nil
}

// surveyor gathers owners.
type surveyor struct {
	desk       *Desk
	containers map[string]bool // looked at; whether somebody is known as owner
	accounts   map[string]bool // identifiers looked up
	found      map[string]bool // identifiers of owners
	groups     map[string]bool
	unknown    bool
	matches    int
}

func newSurveyor(d *Desk) *surveyor {
	return &surveyor{desk: d, containers: make(map[string]bool), accounts: make(map[string]bool), found: make(map[string]bool), groups: make(map[string]bool)}
}

func (s *surveyor) sum() (*cover, error) {
	c := &cover{unknown: s.unknown, matches: s.matches}
	for id := range s.found {
		c.owners = append(c.owners, id)
	}
	for g := range s.groups {
		c.groups = append(c.groups, g)
	}
	if len(c.owners) > maxOwners {
		return nil, fmt.Errorf("%w: this is content of too many accounts at once; narrow it", ErrInvalid)
	}
	slices.Sort(c.owners)
	slices.Sort(c.groups)
	return c, nil
}

// stored adds the owners of one record.
func (s *surveyor) stored(ctx context.Context, stored *journal.Stored) error {
	if stored.Tombstone != nil {
		return nil
	}
	r, err := stored.Record()
	if err != nil {
		return nil // unreadable: it opens to nobody
	}
	return s.record(ctx, r)
}

// record adds the owners of one record: those of its container, and the account it names, proved or asserted.
func (s *surveyor) record(ctx context.Context, r *audit.Record) error {
	owned := false
	if r.Container != "" && r.Source != audit.SourceTripod { // the container of own acts is nobody's
		var err error
		if owned, err = s.container(ctx, r.Container); err != nil {
			return err
		}
	}
	for _, id := range []*audit.Identity{&r.Account.Proved, &r.Account.Asserted} {
		for _, g := range id.Groups {
			s.groups[g] = true
		}
		for _, identifier := range identifiersOf(id) {
			owned = owned || personal(identifier)
			if err := s.account(ctx, identifier); err != nil {
				return err
			}
		}
	}
	s.unknown = s.unknown || !owned
	return nil
}

// container adds the owners of a container and reports whether somebody is known.
func (s *surveyor) container(ctx context.Context, name string) (bool, error) {
	if owned, looked := s.containers[name]; looked {
		return owned, nil
	}
	if len(s.containers) >= maxSurveyed {
		return false, fmt.Errorf("%w: this is content of more than %d containers; narrow it", ErrInvalid, maxSurveyed)
	}
	owners, err := s.desk.deps.Directory.Owners(ctx, name)
	if err != nil {
		return false, fmt.Errorf("see whose content it is: %w", err)
	}
	owned := false
	for _, o := range owners {
		owned = s.owner(o) || owned
	}
	s.containers[name] = owned
	return owned, nil
}

// account adds whom the directory knows by an identifier.
func (s *surveyor) account(ctx context.Context, identifier string) error {
	s.found[identifier] = true
	if s.accounts[identifier] {
		return nil
	}
	s.accounts[identifier] = true
	o, err := s.desk.known(ctx, identifier)
	if err != nil {
		return err
	}
	s.owner(o)
	return nil
}

func (s *surveyor) owner(o Owner) (owned bool) {
	for _, id := range o.Identifiers {
		s.found[id] = true
		owned = owned || personal(id)
	}
	for _, g := range o.Groups {
		s.groups[g] = true
	}
	return owned
}

// personal reports whether an identifier may tell a person: keys and services do not.
func personal(identifier string) bool {
	kind, value, _ := strings.Cut(identifier, ":")
	return value != "" && slices.Contains([]string{"email", "user", "uuid", "subject"}, kind)
}

// identifiersOf lists what an account of a record is known by.
func identifiersOf(id *audit.Identity) []string {
	subject := id.Subject
	var list []string
	for _, i := range []struct{ kind, value string }{
		{"email", strings.ToLower(id.Email)}, {"user", id.User}, {"uuid", id.UUID}, {"subject", subject}, {"key", id.Key}, {"service", id.Service}, {"os_user", id.OSUser},
	} {
		if i.value != "" {
			list = append(list, i.kind+":"+i.value)
		}
	}
	return list
}

// barOwn refuses somebody whose own content it is, by anything the directory knows them by, or their manager's.
func (d *Desk) barOwn(ctx context.Context, by *access.Person, c *cover) error {
	mine, err := d.everything(ctx, refOf(by).identifiers())
	if err != nil {
		return err
	}
	owns := func(id string) bool { return slices.Contains(c.owners, id) }
	if slices.ContainsFunc(mine, owns) {
		return fmt.Errorf("%w: nobody opens their own content", ErrRefused)
	}
	if by.Manager == "" {
		return nil
	}
	theirs := []string{guess(by.Manager), "subject:" + by.Manager}
	if theirs, err = d.everything(ctx, theirs); err != nil {
		return err
	}
	if slices.ContainsFunc(theirs, owns) {
		return fmt.Errorf("%w: nobody opens their manager's content", ErrRefused)
	}
	return nil
}
