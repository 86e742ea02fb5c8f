package signin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Bounds of sign-ins under way. Who begins many crowds out those of the same address first.
const (
	FlightLife      = 10 * time.Minute // how long the cookie of Begin is good
	maxFlights      = 2000
	maxFlightsThere = 30
)

// Attempt is a sign-in that begins.
type Attempt struct {
	ReturnTo string // where in the console to go on; the caller checks that it is there
	// StepUp asks for a fresh sign-in, and Subject for who has to come back.
	StepUp  bool
	Subject string
	// Replaces is the id of the sign-in that this browser has: it ends once the new one has begun. The cookie of it does not
	// come back from another site, so it is remembered here.
	Replaces string
	From     From
}

// flight is a sign-in under way.
type flight struct {
	Attempt
	state, binding  digest
	nonce, verifier string
	began           time.Time
	there           netip.Prefix
}

// flights are the sign-ins under way, the oldest first. They are guarded by Service.mu.
type flights struct{ list []flight }

func newFlights() *flights { return &flights{} }

func (f *flights) clear() { f.list = nil }

func (f *flights) add(n flight) {
	f.list = slices.DeleteFunc(f.list, func(x flight) bool { return n.began.Sub(x.began) > FlightLife })
	there, oldest := 0, -1
	for i, x := range f.list {
		if x.there == n.there {
			if there++; oldest < 0 {
				oldest = i
			}
		}
	}
	switch {
	case there >= maxFlightsThere:
		f.list = slices.Delete(f.list, oldest, oldest+1)
	case len(f.list) >= maxFlights:
		f.list = slices.Delete(f.list, 0, 1)
	}
	f.list = append(f.list, n)
}

// take takes a sign-in out by its state, which is good once.
func (f *flights) take(state string, now time.Time) (flight, bool) {
	d := digestOf(state)
	i := slices.IndexFunc(f.list, func(x flight) bool { return subtle.ConstantTimeCompare(x.state[:], d[:]) == 1 })
	if i < 0 {
		return flight{}, false
	}
	x := f.list[i]
	f.list = slices.Delete(f.list, i, i+1)
	return x, now.Sub(x.began) <= FlightLife
}

// Begin begins a sign-in at the identity provider: where to send the browser, and the value of a cookie, good for
// FlightLife, by which the same browser is recognised when it comes back. The error is ErrNoProvider or ErrProvider: what
// others were refused keeps nobody from signing in.
func (s *Service) Begin(ctx context.Context, a Attempt) (redirect, binding string, err error) {
	if s.oidc == nil {
		return "", "", ErrNoProvider
	}
	d, err := s.oidc.get(ctx)
	if err != nil {
		return "", "", ErrProvider
	}
	state := newSecret()
	binding = newSecret()
	n := flight{
		Attempt: a, state: digestOf(state), binding: digestOf(binding), nonce: rand.Text(), verifier: oauth2.GenerateVerifier(),
		began: s.clock.now(), there: network(a.From.IP),
	}
	options := []oauth2.AuthCodeOption{oauth2.SetAuthURLParam("nonce", n.nonce), oauth2.S256ChallengeOption(n.verifier)}
	if a.StepUp {
		// Half of what counts as fresh, so that there is time to use it.
		options = append(options, oauth2.SetAuthURLParam("max_age", strconv.Itoa(int(s.maxAge().Seconds()))))
		if acr := s.oidc.cfg.ACR; len(acr) > 0 {
			options = append(options, oauth2.SetAuthURLParam("acr_values", strings.Join(acr, " ")))
		}
	}
	s.mu.Lock()
	s.flights.add(n)
	s.mu.Unlock()
	return d.oauth.AuthCodeURL(state, options...), binding, nil
}

// maxAge is how old a sign-in at the provider may be that a fresh one here rests on.
func (s *Service) maxAge() time.Duration { return s.config().StepUp / 2 }

// Finish takes the browser back from the identity provider: query is what it brings, binding the cookie of Begin. The error
// is one of this package, and says to a person what happened; the cause is in the log.
func (s *Service) Finish(ctx context.Context, query url.Values, binding string, from From) (secret string, sess *Session, returnTo string, err error) {
	const what = "GET /signin/callback"
	if s.oidc == nil {
		return "", nil, "", ErrNoProvider
	}
	now := s.clock.now()
	s.mu.Lock()
	f, ok := s.flights.take(query.Get("state"), now)
	round := s.round
	s.mu.Unlock()
	bound := digestOf(binding)
	if !ok || subtle.ConstantTimeCompare(f.binding[:], bound[:]) != 1 {
		return "", nil, "", s.fail(ctx, what, "state", from, ErrNobody)
	}
	sess, err = s.arrive(ctx, f, query)
	if err != nil {
		return "", nil, "", s.turnAway(ctx, what, from, sess, err)
	}
	if f.Subject != "" && sess.Person.Subject != f.Subject {
		return "", nil, "", s.turnAway(ctx, what, from, sess, ErrOther)
	}
	if err := s.takeOver(ctx, &sess.Person); err != nil {
		return "", nil, "", err
	}
	sess.From = from
	if secret, err = s.admit(ctx, round, sess); err != nil {
		return "", nil, "", err
	}
	s.replace(ctx, f.Replaces, sess)
	return secret, sess, f.ReturnTo, nil
}

// turnAway tells log and journal why somebody who came back from the provider is not let in.
func (s *Service) turnAway(ctx context.Context, what string, from From, sess *Session, err error) error {
	s.deps.Logger.WarnContext(ctx, "a sign-in at the identity provider came to nothing", "error", err)
	told := map[error]string{ErrNoRole: "no_role", ErrOther: "other_person", ErrNotFresh: "not_fresh", ErrDeclined: "declined", errOverage: "overage"}
	for is, code := range told {
		if !errors.Is(err, is) {
			continue
		}
		var who *access.Person
		if sess != nil {
			who = &sess.Person
		}
		s.Refused(context.WithoutCancel(ctx), who, what, code, from)
		return is
	}
	return s.fail(ctx, what, "token", from, ErrProvider)
}

// arrive makes a sign-in of what the provider says. Where somebody is known and not let in, both values are set.
func (s *Service) arrive(ctx context.Context, f flight, query url.Values) (*Session, error) {
	d, err := s.oidc.get(ctx)
	if err != nil {
		return nil, err
	}
	// Another provider than the one that was asked must not be answered with its code.
	if iss := query.Get("iss"); iss != "" && iss != s.oidc.cfg.Issuer || iss == "" && d.issParam {
		return nil, errors.New("the answer is that of another provider")
	}
	if code := query.Get("error"); code != "" {
		s.deps.Logger.InfoContext(ctx, "the identity provider declined", "code", plain(code))
		return nil, ErrDeclined
	}
	tok, err := s.oidc.exchange(ctx, d, query.Get("code"), f.verifier)
	if err != nil {
		return nil, err
	}
	raw, ok := tok.Extra("id_token").(string)
	if !ok {
		return nil, errors.New("it gave no id token: openid has to be allowed for this client")
	}
	id, err := d.verifier.Verify(ctx, raw)
	if err != nil {
		return nil, brief(err)
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(tok.AccessToken); err != nil {
			return nil, brief(err)
		}
	}
	c, err := claimsOf(id)
	if err != nil {
		return nil, err
	}
	now := s.clock.now()
	if err := checkID(id, c, s.oidc.cfg.ClientID, f.nonce, f.began, now); err != nil {
		return nil, err
	}
	p, err := s.oidc.cfg.person(s.oidc.cfg.Issuer, c, now)
	if err != nil {
		return nil, err
	}
	sess := &Session{Person: *p, Began: now, sid: cut(c.text("sid")), hint: raw}
	if f.StepUp && (p.Since.IsZero() || now.Sub(p.Since) > s.maxAge()+skew) {
		return sess, ErrNotFresh
	}
	cfg := s.config()
	g := cfg.rolesOf(p, now)
	if len(g.roles) == 0 {
		return sess, ErrNoRole
	}
	sess.Person.Roles, sess.Person.Cases = g.roles, g.cases
	sess.Until = now.Add(cfg.Session)
	if !g.until.IsZero() && g.until.Before(sess.Until) {
		sess.Until = g.until
	}
	return sess, nil
}

// takeOver ends the bootstrap administrator once an administrator comes in by the provider.
func (s *Service) takeOver(ctx context.Context, p *access.Person) error {
	if !p.Has(access.Administrator) {
		return nil
	}
	_, err := s.deps.Acts.Decide(ctx, s.deps.Door, func(time.Time) (intake.Act, error) {
		if s.deps.Book.over {
			return intake.Act{}, nil
		}
		return intake.Act{Type: TypeOver, Activity: audit.ActivityAdminChange, Account: p.Identity(), Attributes: audit.Attrs{attr(attrSubject, "os:"+s.deps.Owner)}}, nil
	})
	if err != nil {
		return errors.Join(ErrUnrecorded, err)
	}
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	return nil
}
