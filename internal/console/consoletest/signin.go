package consoletest

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/intake"
)

// recorder makes Tripod's own acts durable, unless the bench says that nothing can be.
type recorder struct{ b *Bench }

// Record implements acts.Recorder.
func (r recorder) Record(ctx context.Context, act intake.Act, cursors map[string][]byte) (uint64, error) {
	if err := r.b.RecordError.Load(); err != nil {
		return 0, *err
	}
	return r.b.Door.Record(ctx, act, cursors)
}

// Auditor is the person of SignIn, with every role.
func Auditor() *access.Person {
	return &access.Person{Subject: "os:auditor", Name: "auditor", Roles: access.Roles(), Via: access.ViaLocal}
}

func (b *Bench) openSignIns(o Options) {
	t, ctx := b.T, context.Background()
	t.Helper()
	book := signin.NewBook()
	var err error
	b.Acts, err = acts.Load(ctx, b.Dir, acts.Key{}, b.Journal.Reader(), book)
	must(t, err)
	b.access = signin.Config{Idle: signin.MaxSession, Local: []signin.Local{localOf(Auditor())}}
	deps := signin.Deps{Dir: b.Dir, StateKey: &b.stateKey, Acts: b.Acts, Book: book, Door: recorder{b}, Owner: "root", Health: b.Health,
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Now: b.now}
	if o.Access != nil {
		o.Access(&b.access, &deps)
	}
	b.SignIns, err = signin.New(ctx, b.access, deps)
	must(t, err)
	t.Cleanup(func() { must(t, b.SignIns.Close()) })
}

// localOf is somebody as the configuration names them.
func localOf(p *access.Person) signin.Local {
	return signin.Local{OSUser: strings.TrimPrefix(p.Subject, "os:"), Email: p.Email, Name: p.Name, Groups: p.Groups, Roles: p.Roles, Cases: p.Cases,
		Until: time.Now().AddDate(2, 0, 0)}
}

// Admit lets somebody of this machine sign in from now on, and returns who they are.
func (b *Bench) Admit(who *access.Person) access.Person {
	b.T.Helper()
	l := localOf(who)
	if !slices.ContainsFunc(b.access.Local, func(have signin.Local) bool { return have.OSUser == l.OSUser }) {
		b.access.Local = append(slices.Clone(b.access.Local), l)
		must(b.T, b.SignIns.Reload(context.Background(), b.access))
	}
	p, err := b.SignIns.Local(l.OSUser)
	must(b.T, err)
	return p
}

// Link makes a link for somebody.
func (b *Bench) Link(who *access.Person) string {
	b.T.Helper()
	link, err := b.Console.Link(context.Background(), b.Admit(who))
	must(b.T, err)
	return link
}

// SignIn opens a link with the client, as Auditor.
func (b *Bench) SignIn() {
	b.T.Helper()
	b.SignInAs(Auditor())
}

// SignInAs opens a link for somebody with the client.
func (b *Bench) SignInAs(who *access.Person) {
	b.T.Helper()
	if a := b.Do(http.MethodGet, b.Link(who), nil); a.Status != http.StatusOK {
		b.T.Fatalf("sign in: %d %s", a.Status, a.Body)
	}
}
