package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/secret"
)

// offline are commands of a right that no serve carries out: they change keys that it holds.
var offline = []string{"keys rotate master", "keys rotate ledger"}

// orders are bodies by command that who may sends to no effect; others send {}.
var orders = map[string]string{
	"erase": `{"seq":999999,"reason":"test"}`, "keys rotate data": `{"container":"none"}`, "import": "",
}

// knocking is a serve whose control socket is asked as anybody.
type knocking struct {
	t        *testing.T
	app      *App
	handler  http.Handler
	patterns []string
	access   signin.Config
	stop     func() error // once, or more often
}

func startKnocking(t *testing.T) *knocking {
	t.Helper()
	cfg := config.Default()
	cfg.Data = t.TempDir()
	cfg.Listen = config.Listen{Console: "127.0.0.1:0"}
	until := time.Now().AddDate(0, 1, 0)
	cfg.Access.Local = []signin.Local{{OSUser: "boss", Email: "boss@example.com", Roles: access.Roles(), Until: until}}
	for _, r := range access.Roles() {
		cfg.Access.Local = append(cfg.Access.Local, signin.Local{OSUser: loginOf(r), Email: loginOf(r) + "@example.com", Roles: []access.Role{r}, Until: until})
	}
	a, err := New(context.Background(), Options{Config: cfg, Version: "test", Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	k := &knocking{t: t, app: a, handler: a.control.server.Handler, access: cfg.Access}
	for p := range a.control.commands {
		k.patterns = append(k.patterns, p)
	}
	slices.Sort(k.patterns)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	k.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() {
		if err := k.stop(); err != nil {
			t.Error(err)
		}
	})
	<-a.Ready()
	return k
}

// tokens makes an API token for each role, of somebody who has that role alone.
func (k *knocking) tokens() map[access.Role]string {
	k.t.Helper()
	boss, err := k.app.signIn.Local("boss")
	if err != nil {
		k.t.Fatal(err)
	}
	list := make(map[access.Role]string)
	for _, role := range access.Roles() {
		_, list[role], err = k.app.signIn.MakeToken(context.Background(), &boss, signin.TokenSpec{Name: loginOf(role), Owner: loginOf(role), Until: time.Now().Add(time.Hour)})
		if err != nil {
			k.t.Fatal(err)
		}
	}
	return list
}

func loginOf(r access.Role) string { return "one-" + strings.ReplaceAll(string(r), "_", "-") }

// knock sends an order as somebody of this machine or, where a token is given, as whom that stands for.
func (k *knocking) knock(pattern, login, token, body string) (status int, text string) {
	method, path, _ := strings.Cut(pattern, " ")
	r := httptest.NewRequestWithContext(context.WithValue(context.Background(), loginKey{}, login), method, path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	k.handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// did lists what somebody did since a position, but for being refused.
func (k *knocking) did(email string, since uint64) (types []string) {
	k.t.Helper()
	reader := k.app.truth.Journal.Reader()
	last, err := reader.Last(context.Background())
	if err != nil {
		k.t.Fatal(err)
	}
	for stored, err := range reader.Scan(context.Background(), since+1, last) {
		if err != nil {
			k.t.Fatal(err)
		}
		if r, err := stored.Record(); err == nil && r.Source == audit.SourceTripod && r.Account.Proved.Email == email && r.Type != signin.TypeRefused {
			types = append(types, r.Type)
		}
	}
	return types
}

// bodyOf is what is sent for a command.
func bodyOf(command string) string {
	if b, ok := orders[command]; ok {
		return b
	}
	if what, ok := strings.CutPrefix(command, "reviews "); ok {
		return fmt.Sprintf(`{"what":%q}`, what)
	}
	if do, ok := strings.CutPrefix(command, "case "); ok {
		return fmt.Sprintf(`{"do":%q}`, do)
	}
	if command == "record --content" {
		return `{"do":"read"}`
	}
	return "{}"
}

// TestEverySocketPathForEveryRole asks every path of the control socket for every command of it as every role, by login name
// and by token: who holds the right of its line is let in; nobody else is, and does nothing by asking.
func TestEverySocketPathForEveryRole(t *testing.T) {
	t.Parallel()
	k := startKnocking(t)
	tokens := k.tokens()
	served := slices.Clone(offline)
	for _, pattern := range k.patterns {
		for _, command := range k.app.control.commands[pattern] {
			served = append(served, command)
			right, _ := access.ForCommand(command)
			if status, body := k.knock(pattern, "stranger", "", bodyOf(command)); status != http.StatusForbidden {
				t.Errorf("%s for a login name that is nobody's: %d %s", command, status, body)
			}
			if status, body := k.knock(pattern, "boss", signin.TokenPrefix+"wrong", bodyOf(command)); status != http.StatusForbidden {
				t.Errorf("%s with a wrong token of somebody who may: %d %s", command, status, body)
			}
			for _, role := range access.Roles() {
				may := (&access.Person{Roles: []access.Role{role}}).May(right)
				k.check(command, pattern, role, "", may)
				k.check(command, pattern, role, tokens[role], may && !access.StepUp(right))
			}
		}
	}
	for _, e := range access.Table() {
		ofRole := e.Right == access.SignedIn || len(access.Holders(e.Right)) > 0
		if e.Command != "" && ofRole && !slices.Contains(served, e.Command) {
			t.Errorf("no path of the socket is for tripod %s", e.Command)
		}
	}
}

func (k *knocking) check(command, pattern string, role access.Role, token string, may bool) {
	k.t.Helper()
	since, err := k.app.truth.Journal.Reader().Last(context.Background())
	if err != nil {
		k.t.Fatal(err)
	}
	status, body := k.knock(pattern, loginOf(role), token, bodyOf(command))
	refused := status == http.StatusForbidden && (strings.Contains(body, "needs the role") || strings.Contains(body, "is not for") || strings.Contains(body, "fresh sign-in"))
	if refused == may {
		k.t.Errorf("tripod %s as %s (by token: %v): %d %s", command, role, token != "", status, body)
	}
	if did := k.did(loginOf(role)+"@example.com", since); !may && len(did) > 0 {
		k.t.Errorf("tripod %s as %s was refused, and did %v", command, role, did)
	}
}

// TestTokensWithoutServe asks for every command with a token of every role where no serve runs: the answer is that of a serve,
// also by a configuration that gives who runs the command every role.
func TestTokensWithoutServe(t *testing.T) {
	t.Parallel()
	k := startKnocking(t)
	tokens, dir := k.tokens(), k.app.cfg.Data
	if err := k.stop(); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	truth, err := OpenTruth(ctx, TruthOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := truth.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	cfg := k.access
	cfg.Local = append(slices.Clone(cfg.Local), signin.Local{OSUser: osIdentity().OSUser, Email: "me@example.com", Roles: access.Roles(), Until: time.Now().Add(time.Hour)})
	as := func(token string) context.Context {
		return As(ctx, Asker{Token: func() (secret.String, error) { return secret.New(token), nil }, Access: func() (*signin.Config, error) { return &cfg, nil }})
	}
	for _, e := range access.Table() {
		if e.Command == "" || len(access.Holders(e.Right)) == 0 {
			continue
		}
		for _, role := range access.Roles() {
			may := (&access.Person{Roles: []access.Role{role}}).May(e.Right) && !access.StepUp(e.Right)
			by, err := truth.who(as(tokens[role]), e.Command)
			if (err == nil) != may || err != nil && !errors.Is(err, ErrForbidden) || err == nil && by.Email != loginOf(role)+"@example.com" {
				t.Errorf("tripod %s with a token of %s: %+v, %v", e.Command, role, by, err)
			}
		}
		if _, err := truth.who(as(signin.TokenPrefix+"wrong"), e.Command); !errors.Is(err, ErrForbidden) {
			t.Errorf("tripod %s with a wrong token: %v", e.Command, err)
		}
		if _, err := truth.who(as(""), e.Command); err != nil {
			t.Errorf("tripod %s by login name: %v", e.Command, err)
		}
	}
}
