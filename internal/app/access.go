package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
)

// SignIn is one sign-in, as commands list it.
type SignIn struct {
	ID      string        `json:"id"`
	Subject string        `json:"subject"`
	Email   string        `json:"email,omitempty"`
	Roles   []access.Role `json:"roles"`
	Via     access.Via    `json:"via"`
	Began   time.Time     `json:"began"`
	Until   time.Time     `json:"until"`
	From    string        `json:"from,omitempty"`
}

// MadeToken is a new API token with its secret, which is shown this once.
type MadeToken struct {
	signin.Token
	Secret string `json:"secret"`
}

// AccessOrder is what the commands of tripod access ask for.
type AccessOrder struct {
	ID    string           `json:"id,omitempty"`    // of a sign-in; id or name of a token
	Whose string           `json:"whose,omitempty"` // subject, all of whose sign-ins end
	Token signin.TokenSpec `json:"token,omitzero"`
}

// handleAccess registers what the commands of tripod access ask for.
func handleAccess(a *App, handle func(pattern string, h http.HandlerFunc, commands ...string)) {
	for command, do := range map[string]func(context.Context, *access.Person, AccessOrder) (any, error){
		"tokens list": func(ctx context.Context, _ *access.Person, _ AccessOrder) (any, error) { return a.signIn.Tokens(ctx) },
		"tokens make": func(ctx context.Context, by *access.Person, o AccessOrder) (any, error) {
			t, secret, err := a.signIn.MakeToken(ctx, by, o.Token)
			return MadeToken{t, secret}, err
		},
		"tokens end": func(ctx context.Context, by *access.Person, o AccessOrder) (any, error) {
			return struct{}{}, a.signIn.EndToken(ctx, by, o.ID)
		},
		"sessions list": func(context.Context, *access.Person, AccessOrder) (any, error) { return a.listSignIns(), nil },
		"sessions end": func(ctx context.Context, by *access.Person, o AccessOrder) (any, error) {
			if o.Whose != "" {
				return a.signIn.EndAll(ctx, o.Whose, by)
			}
			return signin.Ended{SignIns: 1}, a.signIn.End(ctx, o.ID, by)
		},
	} {
		handle("POST "+accessPath(command), func(w http.ResponseWriter, r *http.Request) { serveAccess(w, r, do) }, "access "+command)
	}
}

func accessPath(command string) string {
	b := []byte("/v1/access/" + command)
	for i, c := range b {
		if c == ' ' {
			b[i] = '/'
		}
	}
	return string(b)
}

func serveAccess(w http.ResponseWriter, r *http.Request, do func(context.Context, *access.Person, AccessOrder) (any, error)) {
	var o AccessOrder
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		http.Error(w, "access: "+err.Error(), http.StatusBadRequest)
		return
	}
	answer, err := do(context.WithoutCancel(r.Context()), personOf(r), o) // once ordered it is carried through
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

func (a *App) listSignIns() []SignIn {
	list := []SignIn{}
	for _, x := range a.signIn.Sessions() {
		p := x.Person
		list = append(list, SignIn{x.ID, p.Subject, p.Email, p.Roles, p.Via, x.Began, x.Until, x.From.IP})
	}
	return list
}

// Access gives an order of tripod access ("tokens make") to the serve that runs on a data directory, and reads its answer.
func Access(ctx context.Context, dir, command string, o AccessOrder, answer any) error {
	if err := mustExist(dir); err != nil {
		return err
	}
	err := askMuch(ctx, dir, accessPath(command), o, answer)
	if errors.Is(err, errNoServe) {
		err = fmt.Errorf("%w: start tripod serve --data %s", err, dir)
	}
	return err
}
