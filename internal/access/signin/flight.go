package signin

import (
	"context"
	"net/url"
)

// Attempt is a sign-in that begins.
type Attempt struct {
	ReturnTo string // where in the console to go on; the caller checks that it is there
	// StepUp asks for a fresh sign-in, and Subject for who has to come back.
	StepUp  bool
	Subject string
	From    From
}

// flights are the sign-ins under way. They are guarded by Service.mu.
type flights struct{}

func newFlights() *flights { return &flights{} }

func (f *flights) clear() {}

// Begin begins a sign-in at the identity provider: where to send the browser, and the value of a short-lived cookie by which
// the same browser is recognised when it comes back.
func (s *Service) Begin(ctx context.Context, a Attempt) (redirect, binding string, err error) {
	return "", "", ErrNoProvider
}

// Finish takes the browser back from the identity provider.
func (s *Service) Finish(ctx context.Context, query url.Values, binding string, from From) (secret string, sess *Session, returnTo string, err error) {
	return "", nil, "", ErrNoProvider
}
