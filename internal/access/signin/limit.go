package signin

import (
	"context"
	"net/netip"
	"sync"

	"golang.org/x/time/rate"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Bounds of what is refused. They count refusals only: who has what is good is let in whatever others try, so that no
// stranger can lock anybody out.
const (
	perAddress      = rate.Limit(1.0 / 6) // a second
	burstAddress    = 20
	overall         = rate.Limit(5)
	burstOverall    = 200
	maxAddresses    = 10_000
	perRecord       = rate.Limit(1.0 / 10)
	burstRecord     = 30
	conditionMany   = "access.refused"
	conditionState  = "access.state"
	conditionIssuer = "access.oidc"
)

// limits counts refusals.
type limits struct {
	mu      sync.Mutex
	address map[netip.Prefix]*rate.Limiter
	all     *rate.Limiter
	records *rate.Limiter
	untold  int64 // refusals since the last that is on record
}

func newLimits() *limits {
	return &limits{address: make(map[netip.Prefix]*rate.Limiter), all: rate.NewLimiter(overall, burstOverall), records: rate.NewLimiter(perRecord, burstRecord)}
}

// count counts a refusal and reports whether there were too many.
func (l *limits) count(from From) (many bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.of(from).Allow() || !l.all.Allow()
}

// spentThere reports whether an address had too many, and counts nothing.
func (l *limits) spentThere(from From) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.of(from).Tokens() < 1
}

// spent reports whether an address, or all, had too many, and counts nothing.
func (l *limits) spent(from From) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.of(from).Tokens() < 1 || l.all.Tokens() < 1
}

func (l *limits) of(from From) *rate.Limiter {
	key := network(from.IP)
	lim := l.address[key]
	if lim == nil {
		if len(l.address) >= maxAddresses {
			clear(l.address) // the bound over all goes on counting
		}
		lim = rate.NewLimiter(perAddress, burstAddress)
		l.address[key] = lim
	}
	return lim
}

// network is what one customer of a network provider has: an address, or 64 bits of one.
func network(ip string) netip.Prefix {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return netip.Prefix{}
	}
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, _ := addr.Prefix(bits)
	return p
}

// told reports whether a refusal goes on record, and how many before it did not.
func (l *limits) told() (yes bool, untold int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.records.Allow() {
		l.untold++
		return false, 0
	}
	untold, l.untold = l.untold, 0
	return true, untold
}

// Refused puts on record that somebody was not let in or not allowed: what they asked for, as the table names it, and why,
// as a short code. Records are bounded in number; the next one says how many refusals none was made for. by is nil where it
// is not known who.
func (s *Service) Refused(ctx context.Context, by *access.Person, what, reason string, from From) {
	yes, untold := s.limits.told()
	if !yes {
		return
	}
	act := intake.Act{Type: TypeRefused, Activity: audit.ActivityOperation, Outcome: audit.OutcomeDenied, Attributes: audit.Attrs{
		attr(attrWhat, what), attr(attrReach, reason), attr(attrFrom, from.IP),
	}}
	if by != nil {
		act.Account = by.Identity()
	}
	if untold > 0 {
		act.Attributes = append(act.Attributes, audit.Attr{Name: attrUntold, Value: audit.Int(untold)})
	}
	if _, err := s.deps.Door.Record(ctx, act, nil); err != nil {
		s.deps.Logger.WarnContext(ctx, "a refusal is not on record", "error", err)
	}
}

// fail counts a refused attempt to get in and puts it on record; it returns the error that is told.
func (s *Service) fail(ctx context.Context, what, reason string, from From, err error) error {
	many := s.limits.count(from)
	s.Refused(context.WithoutCancel(ctx), nil, what, reason, from)
	if many {
		s.deps.Health.Raise(conditionMany, health.Warning, "many attempts to sign in are refused: look at records of type "+TypeRefused)
		return ErrTooMany
	}
	return err
}
