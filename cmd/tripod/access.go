package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/config"
)

type accessCommand struct {
	Tokens   accessTokens   `cmd:"" help:"API tokens of the serve that runs here."`
	Sessions accessSessions `cmd:"" help:"Who is signed in to the serve that runs here."`
	Table    accessTable    `cmd:"" help:"Print which right each page and command asks for, and which roles hold it."`
	Check    accessCheck    `cmd:"" help:"Ask the identity provider to describe itself, and say who would get which role."`
}

// orderAccess gives an order to the serve that runs; a refusal is found wanting.
func orderAccess(ctx context.Context, dir, command string, o app.AccessOrder, answer any) error {
	err := app.Access(ctx, dir, command, o, answer)
	if refused := new(app.RefusedError); errors.As(err, &refused) {
		return wanting{errors.New(refused.Text)}
	}
	return err
}

type accessTokens struct {
	List accessTokensList `cmd:"" default:"withargs" help:"List API tokens, the newest first."`
	Make accessTokensMake `cmd:"" help:"Make an API token and print it, once."`
	End  accessTokensEnd  `cmd:"" help:"End an API token."`
}

type accessTokensList struct {
	dataFlag
	All  bool `help:"Also those that ended or ran out."`
	JSON bool `help:"Print one JSON object a line."`
}

func (c *accessTokensList) Run(ctx context.Context, std streams) error {
	var list, shown []signin.Token
	if err := orderAccess(ctx, c.Data, "tokens list", app.AccessOrder{}, &list); err != nil {
		return err
	}
	now := time.Now()
	for _, t := range list {
		if c.All || t.State(now) == "good" {
			shown = append(shown, t)
		}
	}
	return printList(std, c.JSON, shown, func(t *signin.Token) string {
		return fmt.Sprintf("%-24s %-5s until %s  %s  %s  by %s", plain(t.Name), t.State(now), stampUTC(t.Until), plain(t.Owner), roleNames(t.Roles), plain(t.By))
	})
}

func roleNames(list []access.Role) string {
	names := make([]string, len(list))
	for i, r := range list {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}

type accessTokensMake struct {
	dataFlag
	Name  string         `arg:"" help:"Name, by which records name the token: small letters, digits, dots, dashes."`
	Owner string         `help:"Whom it stands for, by address, subject or login name (default you)." placeholder:"WHO"`
	Role  []access.Role  `help:"Role of the owner it has (default all); may be given again." placeholder:"ROLE"`
	Only  []access.Right `help:"Right it is narrowed to; may be given again." placeholder:"RIGHT"`
	Case  []string       `help:"Case it is narrowed to; may be given again." placeholder:"ID"`
	For   time.Duration  `help:"How long it lasts (default 2160h, 90 days)." placeholder:"DURATION"`
	JSON  bool           `help:"Print one JSON object."`
}

// Run prints the token to standard output alone.
func (c *accessTokensMake) Run(ctx context.Context, std streams) error {
	if c.For < 0 {
		return usage{errors.New("access tokens make: --for is not in the past")}
	}
	spec := signin.TokenSpec{Name: c.Name, Owner: c.Owner, Roles: c.Role, Only: c.Only, Cases: c.Case}
	if c.For > 0 {
		spec.Until = time.Now().Add(c.For)
	}
	var made app.MadeToken
	if err := orderAccess(ctx, c.Data, "tokens make", app.AccessOrder{Token: spec}, &made); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(std.out, made)
	}
	if std.terminal {
		fmt.Fprintf(std.err, "Shown once; good until %s for %s:\n", stampUTC(made.Until), plain(made.Owner))
	}
	_, err := fmt.Fprintln(std.out, made.Secret)
	return err
}

type accessTokensEnd struct {
	dataFlag
	Token string `arg:"" help:"Name or id of the token."`
}

func (c *accessTokensEnd) Run(ctx context.Context, std streams) error {
	var none struct{}
	if err := orderAccess(ctx, c.Data, "tokens end", app.AccessOrder{ID: c.Token}, &none); err != nil {
		return err
	}
	_, err := fmt.Fprintf(std.out, "ended: the token %s\n", plain(c.Token))
	return err
}

type accessSessions struct {
	List accessSessionsList `cmd:"" default:"withargs" help:"List who is signed in, the newest first."`
	End  accessSessionsEnd  `cmd:"" help:"End one sign-in, or all of a person."`
}

type accessSessionsList struct {
	dataFlag
	JSON bool `help:"Print one JSON object a line."`
}

func (c *accessSessionsList) Run(ctx context.Context, std streams) error {
	var list []app.SignIn
	if err := orderAccess(ctx, c.Data, "sessions list", app.AccessOrder{}, &list); err != nil {
		return err
	}
	return printList(std, c.JSON, list, func(s *app.SignIn) string {
		return fmt.Sprintf("%s  %s until %s  %s %s  %s  from %s", s.ID, stampUTC(s.Began), stampUTC(s.Until), plain(s.Subject), plain(s.Email), roleNames(s.Roles), plain(s.From))
	})
}

type accessSessionsEnd struct {
	dataFlag
	ID  string `arg:"" optional:"" help:"Id of the sign-in."`
	All string `help:"End all sign-ins of this subject instead." placeholder:"SUBJECT"`
}

func (c *accessSessionsEnd) Run(ctx context.Context, std streams) error {
	if (c.ID == "") == (c.All == "") {
		return usage{errors.New("access sessions end: name a sign-in by its id, or a person with --all SUBJECT")}
	}
	var ended signin.Ended
	if err := orderAccess(ctx, c.Data, "sessions end", app.AccessOrder{ID: c.ID, Whose: c.All}, &ended); err != nil {
		return err
	}
	_, err := fmt.Fprintf(std.out, "ended: %d sign-ins, %d unused links\n", ended.SignIns, ended.Links)
	return err
}

type accessTable struct {
	JSON     bool `help:"Print one JSON object a line." xor:"as"`
	Markdown bool `help:"Print it as the documentation has it." xor:"as"`
}

// tableLine is one line of the table as JSON.
type tableLine struct {
	Route   string        `json:"route,omitempty"`
	Command string        `json:"command,omitempty"`
	Right   access.Right  `json:"right"`
	Roles   []access.Role `json:"roles,omitempty"` // none for what anybody, or anybody signed in, may
	StepUp  bool          `json:"fresh_sign_in,omitempty"`
	Does    string        `json:"does"`
}

func (c *accessTable) Run(std streams) error {
	if c.Markdown {
		_, err := io.WriteString(std.out, access.Markdown())
		return err
	}
	var list []tableLine
	for _, e := range access.Table() {
		list = append(list, tableLine{e.Route, e.Command, e.Right, access.Holders(e.Right), access.StepUp(e.Right), e.Does})
	}
	return printList(std, c.JSON, list, func(l *tableLine) string {
		name := l.Route
		if l.Command != "" {
			name = "tripod " + l.Command
		}
		return fmt.Sprintf("%-36s %-18s %s", name, l.Right, roleNames(l.Roles))
	})
}

type accessCheck struct {
	Config string `short:"c" help:"Configuration file." required:"" env:"TRIPOD_CONFIG" placeholder:"FILE"`
	JSON   bool   `help:"Print one JSON object."`
}

func (c *accessCheck) Run(ctx context.Context, std streams) error {
	cfg, err := config.Load(c.Config)
	if err != nil {
		return err
	}
	if err := cfg.Access.Validate(); err != nil {
		return usage{err}
	}
	if cfg.Access.OIDC.Issuer == "" {
		return wanting{signin.ErrNoProvider}
	}
	found, err := signin.Check(ctx, cfg.Access)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(std.out, found)
	}
	fmt.Fprintf(std.out, "%s answers\n  people sign in at %s\n", plain(found.Issuer), plain(found.Authorization))
	if found.EndSession != "" {
		fmt.Fprintf(std.out, "  and out at %s\n", plain(found.EndSession))
	}
	for _, m := range cfg.Access.Roles {
		who, until := "group "+m.Group, ""
		if m.Email != "" {
			who = m.Email
		}
		if !m.Until.IsZero() {
			until = ", until " + stampUTC(m.Until)
		}
		fmt.Fprintf(std.out, "  %s: %s%s\n", plain(who), m.Role, until)
	}
	return nil
}
