package signin

import (
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
)

// Bounds of logout tokens.
const (
	logoutLife = 5 * time.Minute
	maxLogouts = 10_000
)

// logouts are the logout tokens that were seen; one is good once. They are guarded by Service.mu.
type logouts struct{ seen map[string]time.Time }

// first reports whether a token is new. Where there are too many, none is.
func (l *logouts) first(id string, now time.Time) bool {
	if l.seen == nil {
		l.seen = make(map[string]time.Time)
	}
	for x, at := range l.seen {
		if now.Sub(at) > logoutLife+2*skew {
			delete(l.seen, x)
		}
	}
	if _, known := l.seen[id]; known || len(l.seen) >= maxLogouts {
		return false
	}
	l.seen[id] = now
	return true
}

// BackChannel takes a logout token from the identity provider and ends the sign-ins it names.
// https://openid.net/specs/openid-connect-backchannel-1_0.html
func (s *Service) BackChannel(ctx context.Context, token string, from From) error {
	const what = "POST /signin/backchannel"
	if s.oidc == nil {
		return ErrNoProvider
	}
	if s.limits.spentThere(from) { // before its keys are asked for; what others tried from elsewhere keeps nobody signed in
		return ErrTooMany
	}
	d, err := s.oidc.get(ctx)
	if err != nil {
		return ErrProvider
	}
	refuse := func(err error) error {
		s.deps.Logger.WarnContext(ctx, "a logout token is refused", "error", err)
		return s.fail(ctx, what, "logout_token", from, ErrNobody)
	}
	t, err := d.verifier.Verify(ctx, token)
	if err != nil {
		return refuse(brief(err))
	}
	c, err := claimsOf(t)
	if err != nil {
		return refuse(err)
	}
	now := s.clock.now()
	id, err := checkLogout(t, c, now)
	if err != nil {
		return refuse(err)
	}
	s.mu.Lock()
	fresh := s.logouts.first(id, now)
	s.mu.Unlock()
	if !fresh {
		return refuse(ErrNobody)
	}
	return s.endAt(ctx, t.Subject, c.text("sid"))
}

// endAt ends what the provider ended: one of its sign-ins, or all of a subject.
func (s *Service) endAt(ctx context.Context, sub, sid string) error {
	subject := "oidc:" + sub + "@" + s.oidc.cfg.Issuer
	if sid == "" {
		_, err := s.EndAll(ctx, subject, nil)
		return err
	}
	s.mu.Lock()
	s.round++ // also what is under way
	if sub != "" {
		s.ends[subject] = s.round
	}
	gone := s.table.take(func(x *Session) bool { return x.sid == sid && (sub == "" || x.Person.Subject == subject) })
	s.mu.Unlock()
	var errs []error
	for _, x := range gone {
		errs = append(errs, s.recordEnd(ctx, x, "provider", audit.Identity{Service: "tripod"}))
	}
	if i := slices.IndexFunc(errs, func(err error) bool { return err != nil }); i >= 0 {
		return errs[i]
	}
	return nil
}

// Leave is End for who leaves by themselves; signOut is where their browser signs out of the identity provider, too, as
// LogoutURL tells.
func (s *Service) Leave(ctx context.Context, id string, by *access.Person) (signOut string, err error) {
	s.mu.Lock()
	var leaving *Session
	for _, x := range s.table.byDigest {
		if x.ID == id {
			leaving = x
		}
	}
	s.mu.Unlock()
	if leaving != nil {
		signOut = s.LogoutURL(leaving)
	}
	return signOut, s.End(ctx, id, by)
}

// LogoutURL is where the browser of a sign-in signs out of the identity provider, too; "" where there is no such place.
// https://openid.net/specs/openid-connect-rpinitiated-1_0.html
func (s *Service) LogoutURL(sess *Session) string {
	if s.oidc == nil || sess.hint == "" {
		return ""
	}
	s.oidc.mu.Lock()
	found := s.oidc.found
	s.oidc.mu.Unlock()
	if found == nil || found.endSession == "" {
		return ""
	}
	u, err := url.Parse(found.endSession)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("client_id", s.oidc.cfg.ClientID)
	q.Set("id_token_hint", sess.hint)
	if s.deps.Home != "" {
		q.Set("post_logout_redirect_uri", s.deps.Home)
	}
	u.RawQuery = q.Encode()
	return u.String()
}
