package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/secret"
)

// ErrForbidden is wrapped by the error of a command that who asks may not give.
var ErrForbidden = access.ErrForbidden

// Asker says as whom a command is given, beside the login name that the operating system tells. Both are asked when they
// matter; nil is nothing to say.
type Asker struct {
	// Token is an API token; zero: the login name counts.
	Token func() (secret.String, error)
	// Access says who may do what where no serve runs, which has its own; nil: nothing was said.
	Access func() (*signin.Config, error)
}

type askerKey struct{}

// As is a context in which commands are given by somebody.
func As(ctx context.Context, a Asker) context.Context { return context.WithValue(ctx, askerKey{}, a) }

// withAccess is As, with what a configuration says of who may, and as whom the context says.
func withAccess(ctx context.Context, cfg *signin.Config) context.Context {
	a := asker(ctx)
	a.Access = func() (*signin.Config, error) { return cfg, nil }
	return As(ctx, a)
}

func asker(ctx context.Context) Asker {
	a, _ := ctx.Value(askerKey{}).(Asker)
	if a.Token == nil {
		a.Token = func() (secret.String, error) { return secret.String{}, nil }
	}
	if a.Access == nil {
		a.Access = func() (*signin.Config, error) { return nil, nil }
	}
	return a
}

// socket registers what commands ask of a serve that runs: the one place where a path of the control socket gets the right
// it takes.
type socket struct {
	app      *App
	mux      *http.ServeMux
	commands map[string][]string // by pattern
	errs     []error
}

// handle registers a path for commands. Who asks needs the right of one of them, by the table of rights; a handler for
// several judges each order by itself, with permitted.
func (s *socket) handle(pattern string, h http.HandlerFunc, commands ...string) {
	s.commands[pattern] = commands
	for _, c := range commands {
		if _, ok := access.ForCommand(c); !ok {
			s.errs = append(s.errs, fmt.Errorf("control socket: tripod %s stands in no line of the table of rights", c))
		}
	}
	if len(commands) == 0 {
		s.errs = append(s.errs, fmt.Errorf("control socket: %s is of no command", pattern))
	}
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		by, err := s.app.asks(r)
		if err == nil {
			if err = permittedAny(s.app.signIn, by, commands); err != nil {
				s.app.signIn.Refused(r.Context(), by, "tripod "+commands[0], "right", signin.From{})
			}
		}
		switch {
		case err == nil:
			ctx := context.WithValue(r.Context(), personKey{}, by)
			ctx = context.WithValue(ctx, peerKey{}, by.Identity())
			h(w, r.WithContext(ctx))
		case refusal(err):
			http.Error(w, err.Error(), http.StatusForbidden)
		default:
			s.app.log.ErrorContext(r.Context(), "control socket", "path", r.URL.Path, "error", err)
			http.Error(w, "who asks cannot be told at the moment; see the log", http.StatusServiceUnavailable)
		}
	})
}

// permitted is nil where somebody may give a command and, where it weighs much, proved lately who they are.
func permitted(s *signin.Service, by *access.Person, command string) error {
	right, ok := access.ForCommand(command)
	if !ok {
		return fmt.Errorf("%w: tripod %s stands in no line of the table of rights", access.ErrForbidden, command)
	}
	if err := by.Allow(right); err != nil || !access.StepUp(right) {
		return err
	}
	return s.Fresh(by)
}

func permittedAny(s *signin.Service, by *access.Person, commands []string) (err error) {
	for _, c := range commands {
		if err = permitted(s, by, c); err == nil {
			return nil
		}
	}
	return err
}

// refusal reports whether an error says that somebody may not.
func refusal(err error) bool {
	return errors.Is(err, access.ErrForbidden) || errors.Is(err, signin.ErrOver) || errors.Is(err, signin.ErrNobody) ||
		errors.Is(err, signin.ErrTooMany) || errors.Is(err, signin.ErrNotFresh)
}

// personKey keys who asks over the control socket, peerKey the same as the account of a record.
type (
	personKey struct{}
	peerKey   struct{}
)

// personOf is who asks in a handler of the control socket.
func personOf(r *http.Request) *access.Person {
	p, _ := r.Context().Value(personKey{}).(*access.Person)
	return p
}

// loginKey keys the login name at the other end of the control socket.
type loginKey struct{}

// asks tells who is at the other end of the control socket: by the token they send, else by their login name.
func (a *App) asks(r *http.Request) (*access.Person, error) {
	if given := r.Header.Get("Authorization"); given != "" {
		return byToken(r.Context(), a.signIn, strings.TrimPrefix(given, "Bearer "))
	}
	login, _ := r.Context().Value(loginKey{}).(string)
	p, err := a.signIn.Local(login)
	return &p, err
}

func byToken(ctx context.Context, s *signin.Service, token string) (*access.Person, error) {
	p, err := s.Bearer(ctx, token, signin.From{})
	if errors.Is(err, signin.ErrNobody) {
		return nil, fmt.Errorf("the API token was refused: %w", err)
	}
	return p, err
}

// openTruthFor opens a data directory where no serve runs, for a command that writes, if who gives it may.
func openTruthFor(ctx context.Context, o TruthOptions, command string) (*Truth, *access.Person, error) {
	t, err := OpenTruth(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	by, err := t.who(ctx, command)
	if err != nil {
		return nil, nil, errors.Join(err, t.Close(ctx))
	}
	return t, by, nil
}

// who tells who gives a command in this process, and refuses who may not.
func (t *Truth) who(ctx context.Context, command string) (by *access.Person, err error) {
	token, err := asker(ctx).Token()
	if err != nil {
		return nil, err
	}
	said, err := asker(ctx).Access()
	if err != nil {
		return nil, err
	}
	var cfg signin.Config
	switch {
	case said != nil:
		cfg = *said
	case t.SignIns.Over():
		return nil, fmt.Errorf("%w: people sign in at an identity provider here: name the configuration with -c or TRIPOD_CONFIG, or start tripod serve", access.ErrForbidden)
	}
	cfg.OIDC.ClientSecret = signin.Secret{} // nobody signs in there now
	s, err := newSignIn(ctx, t, cfg, "")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if !token.IsZero() {
		if by, err = byToken(ctx, s, token.Reveal()); err != nil {
			return nil, asForbidden(err)
		}
	} else {
		p, err := s.Local(osIdentity().OSUser)
		if err != nil {
			return nil, asForbidden(err)
		}
		by = &p
	}
	if err := permitted(s, by, command); err != nil {
		s.Refused(ctx, by, "tripod "+command, "right", signin.From{})
		return nil, asForbidden(err)
	}
	return by, nil
}

// asForbidden makes an error that says somebody may not wrap ErrForbidden.
func asForbidden(err error) error {
	if refusal(err) && !errors.Is(err, access.ErrForbidden) {
		return fmt.Errorf("%w: %w", access.ErrForbidden, err)
	}
	return err
}

// TokenFrom reads the API token that a command is given with: TRIPOD_TOKEN, or the file that TRIPOD_TOKEN_FILE names, which
// nobody else may read.
func TokenFrom(getenv func(string) string) (secret.String, error) {
	value, file := getenv("TRIPOD_TOKEN"), getenv("TRIPOD_TOKEN_FILE")
	switch {
	case value != "" && file != "":
		return secret.String{}, errors.New("TRIPOD_TOKEN and TRIPOD_TOKEN_FILE are both set: unset one")
	case file != "":
		return secret.ReadFile(file)
	}
	return secret.New(strings.TrimSpace(value)), nil
}
