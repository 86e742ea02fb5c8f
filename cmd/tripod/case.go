package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
)

type caseCommand struct {
	Open       caseOpen     `cmd:"" help:"Open a case."`
	List       caseList     `cmd:"" help:"List cases, and what waits for you."`
	Show       caseShow     `cmd:"" help:"Show one case and its grants."`
	Close      caseClose    `cmd:"" help:"Close a case for good; its grants end."`
	Join       caseJoin     `cmd:"" help:"Take somebody into a case."`
	Leave      caseLeave    `cmd:"" help:"Leave a case, or take somebody out."`
	Request    caseRequest  `cmd:"" help:"Ask to open content."`
	Approve    caseApprove  `cmd:"" help:"Approve what somebody else asked for."`
	Deny       caseDeny     `cmd:"" help:"Deny what somebody else asked for."`
	Withdraw   caseWithdraw `cmd:"" help:"End a grant or a request."`
	BreakGlass caseGlass    `cmd:"" help:"Open content alone and at once; privacy officers are told, and review it."`
	Review     caseReview   `cmd:"" help:"Review content that somebody opened alone."`
}

// caseFlags are those of every command about cases.
type caseFlags struct {
	dataFlag
	Config string `short:"c" help:"Configuration file, where no serve runs: who is who, and what takes two people." env:"TRIPOD_CONFIG" placeholder:"FILE"`
	JSON   bool   `help:"Print JSON, one object a line."`
}

// carry carries an order out; a refusal by roles or rules is exit code 1.
func (f *caseFlags) carry(ctx context.Context, o app.CaseOrder) (*app.CaseAnswer, error) {
	answer, err := app.Case(ctx, f.Data, f.load, o)
	var refused *app.RefusedError
	if errors.As(err, &refused) {
		switch refused.Status {
		case http.StatusBadRequest:
			return nil, usage{errors.New(refused.Text)}
		case http.StatusForbidden, http.StatusNotFound, http.StatusConflict:
			return nil, wanting{errors.New(refused.Text)}
		}
	}
	return answer, err
}

func (f *caseFlags) load() (config.Config, error) {
	cfg := config.Default()
	if f.Config != "" {
		var err error
		if cfg, err = config.Load(f.Config); err != nil {
			return cfg, err
		}
	}
	cfg.Data = f.Data
	if err := cfg.Validate(); err != nil {
		return cfg, usage{err}
	}
	return cfg, nil
}

type caseOpen struct {
	caseFlags
	Kind      casebook.Kind    `help:"request, matter or investigation." required:"" placeholder:"KIND"`
	Purpose   casebook.Purpose `help:"incident, access_request, erasure_request, legal_matter, employment, ediscovery, audit_sample or service_test." required:"" placeholder:"PURPOSE"`
	Basis     casebook.Basis   `help:"consent, contract, legal_obligation, vital_interests, public_task, legitimate_interests, legal_claims or other." required:"" placeholder:"BASIS"`
	Reference string           `help:"File number, or the works agreement that the purpose employment asks for." placeholder:"TEXT"`
	Title     string           `help:"What it is about; kept as content." placeholder:"TEXT"`
	Subject   []string         `help:"Account it is about; may be given again." placeholder:"ACCOUNT"`
	As        access.Role      `help:"Role in which you take part (default the first of yours that may)." placeholder:"ROLE"`
}

func (c *caseOpen) Run(ctx context.Context, std streams) error {
	a, err := c.carry(ctx, app.CaseOrder{Do: "open", New: &casebook.NewCase{
		Kind: c.Kind, Purpose: c.Purpose, Basis: c.Basis, Reference: c.Reference, Title: c.Title, Subjects: c.Subject, As: c.As,
	}})
	return c.tell(std, a, err)
}

// caseName names a case.
type caseName struct {
	Case string `arg:"" help:"Number of the case, such as C-2026-0007."`
}

type caseList struct{ caseFlags }

func (c *caseList) Run(ctx context.Context, std streams) error {
	a, err := c.carry(ctx, app.CaseOrder{Do: "list"})
	if err == nil && len(a.Cases) == 0 && !c.JSON {
		fmt.Fprintln(std.err, "no cases")
	}
	return c.tell(std, a, err)
}

type caseShow struct {
	caseFlags
	caseName
}

func (c *caseShow) Run(ctx context.Context, std streams) error {
	a, err := c.carry(ctx, app.CaseOrder{Do: "show", Case: c.Case})
	return c.tell(std, a, err)
}

type caseClose struct {
	caseFlags
	caseName
	Reason string `help:"Why; kept as content." placeholder:"TEXT"`
}

func (c *caseClose) Run(ctx context.Context, std streams) error {
	a, err := c.carry(ctx, app.CaseOrder{Do: "close", Case: c.Case, Note: c.Reason})
	return c.tell(std, a, err)
}

type caseJoin struct {
	caseFlags
	caseName
	Email string      `arg:"" help:"Their address."`
	As    access.Role `help:"Role in which they take part: privacy_officer, counsel, analyst or auditor." required:"" placeholder:"ROLE"`
}

func (c *caseJoin) Run(ctx context.Context, std streams) error {
	a, err := c.carry(ctx, app.CaseOrder{Do: "join", Case: c.Case, Who: casebook.Ref{Email: c.Email, Role: c.As}})
	return c.tell(std, a, err)
}

type caseLeave struct {
	caseFlags
	caseName
	Email string `arg:"" optional:"" help:"Their address; without one you leave."`
}

func (c *caseLeave) Run(ctx context.Context, std streams) error {
	a, err := c.carry(ctx, app.CaseOrder{Do: "leave", Case: c.Case, Who: casebook.Ref{Email: c.Email}})
	return c.tell(std, a, err)
}

// caseAsk is what a request and breaking the glass say.
type caseAsk struct {
	caseFlags
	caseName
	Class        audit.Class `help:"The most sensitive class to open: detail or text." default:"text" placeholder:"CLASS"`
	Container    []string    `help:"Container, as a record names it; may be given again." placeholder:"ID"`
	Record       []uint64    `help:"Position of a record; may be given again." placeholder:"SEQ"`
	Query        string      `help:"What a query finds, as tripod search takes it; only what is recorded by now." placeholder:"QUERY"`
	Minutes      int         `help:"For how long (default as long as allowed)." placeholder:"N"`
	OwnerUnknown bool        `help:"Nobody is known as owner of some of it; takes two people."`
	Reason       string      `help:"Why; kept as content." required:"" placeholder:"TEXT"`
}

func (c *caseAsk) carryAsk(ctx context.Context, std streams, do string) error {
	a, err := c.carry(ctx, app.CaseOrder{Do: do, Ask: &casebook.Ask{
		Case: c.Case, Class: c.Class, Containers: c.Container, Records: c.Record, Query: c.Query, Minutes: c.Minutes, OwnerUnknown: c.OwnerUnknown, Reason: c.Reason,
	}})
	return c.tell(std, a, err)
}

type caseRequest struct{ caseAsk }

func (c *caseRequest) Run(ctx context.Context, std streams) error {
	return c.carryAsk(ctx, std, "request")
}

type caseGlass struct{ caseAsk }

func (c *caseGlass) Run(ctx context.Context, std streams) error {
	return c.carryAsk(ctx, std, "break-glass")
}

// caseAnswer is what everybody says who decides about a grant.
type caseAnswer struct {
	caseFlags
	Grant string `arg:"" help:"Number of the grant, such as G-2026-0012."`
	Note  string `help:"Why; kept as content." placeholder:"TEXT"`
}

type caseApprove struct {
	caseAnswer
	Terms string `help:"Digest of what you were shown (tripod case show); approval of anything else is refused." placeholder:"DIGEST"`
}

func (c *caseApprove) Run(ctx context.Context, std streams) error {
	a, err := c.carry(ctx, app.CaseOrder{Do: "approve", Grant: c.Grant, Terms: c.Terms, Note: c.Note})
	return c.tell(std, a, err)
}

type caseDeny struct{ caseAnswer }

func (c *caseDeny) Run(ctx context.Context, std streams) error {
	a, err := c.carry(ctx, app.CaseOrder{Do: "deny", Grant: c.Grant, Note: c.Note})
	return c.tell(std, a, err)
}

type caseWithdraw struct{ caseAnswer }

func (c *caseWithdraw) Run(ctx context.Context, std streams) error {
	a, err := c.carry(ctx, app.CaseOrder{Do: "withdraw", Grant: c.Grant, Note: c.Note})
	return c.tell(std, a, err)
}

type caseReview struct {
	caseAnswer
	Found string `help:"justified or unjustified." enum:"justified,unjustified" required:"" placeholder:"WHAT"`
}

func (c *caseReview) Run(ctx context.Context, std streams) error {
	a, err := c.carry(ctx, app.CaseOrder{Do: "review", Grant: c.Grant, Justified: c.Found == "justified", Note: c.Note})
	return c.tell(std, a, err)
}
