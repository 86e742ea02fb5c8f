package casebook_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/intake"
)

// looking are acts that somebody looks at and nobody adds to.
type looking struct{ p *past }

func (l looking) Within(_ context.Context, fn func(time.Time) error) error { return fn(l.p.high) }

func (looking) Decide(context.Context, acts.Recorder, func(time.Time) (intake.Act, error)) (uint64, error) {
	return 0, errors.New("nothing is decided here")
}

// TestLiving: what waits and what may be used are told from what lives alone, and are what they would be of all grants.
func TestLiving(t *testing.T) {
	t.Parallel()
	ctx, waited, used := context.Background(), 0, 0
	for seed := range 10 {
		r, p := rand.New(rand.NewPCG(uint64(seed), 7)), newPast()
		desk := casebook.NewDesk(casebook.DefaultConfig(), casebook.Deps{Acts: looking{p}, Book: p.book})
		p.record(human(1, 0), casebook.TypeCaseOpen, "C-2026-0001", openAttrs("h0@example.com"), access.Analyst)
		officer := &access.Person{Subject: "oidc:p@https://idp.example", Email: "p@example.com", Roles: []access.Role{access.PrivacyOfficer}}
		for range 200 {
			randomAct(r, p)
			var approve, review []string
			for _, g := range p.book.Grants("", p.high) {
				c, _ := p.book.Case(g.Case)
				switch {
				case g.State == casebook.Requested && c.State == casebook.Open:
					approve = append(approve, g.ID)
				case g.Unreviewed():
					review = append(review, g.ID)
				}
			}
			a, b, err := desk.Waiting(ctx, officer)
			if err != nil || !slices.Equal(names(a), approve) || !slices.Equal(names(b), review) {
				t.Fatalf("seed %d: %v and %v wait, want %v and %v: %v", seed, names(a), names(b), approve, review, err)
			}
			waited += len(a) + len(b)
			for i := range humans {
				id := human(i, 0)
				by := &access.Person{Subject: id.Subject, Email: id.Email, Roles: []access.Role{access.Analyst}}
				list, err := desk.Usable(ctx, by)
				n := 0
				for _, g := range p.book.Grants("", p.high) {
					if g.State == casebook.Opened && who(g.By) == i {
						n++
					}
				}
				if used += n; err != nil || len(list) != n {
					t.Fatalf("seed %d: %v may be used by h%d, want %d: %v", seed, names(list), i, n, err)
				}
			}
		}
	}
	if waited == 0 || used == 0 {
		t.Errorf("%d waited and %d could be used: the test tries too little", waited, used)
	}
}

func names(list []casebook.Grant) (ids []string) {
	for _, g := range list {
		ids = append(ids, g.ID)
	}
	return ids
}

// BenchmarkWaiting is what every page asks, with 2,000 grants of which 20 wait.
func BenchmarkWaiting(b *testing.B) {
	p := newPast()
	for i := range 200 {
		p.act("kim", casebook.TypeCaseOpen, fmt.Sprintf("C-2026-%04d", i+1), openAttrs("dana@example.com"), access.Analyst)
	}
	for i := range 2_000 {
		if i == 1_980 {
			p.now = p.now.Add(8 * 24 * time.Hour) // nobody answered those before
		}
		p.act("kim", casebook.TypeGrantRequest, fmt.Sprintf("C-2026-%04d", i%200+1), grantAttrs(fmt.Sprintf("G-2026-%04d", i+1)), access.Analyst)
	}
	desk := casebook.NewDesk(casebook.DefaultConfig(), casebook.Deps{Acts: looking{p}, Book: p.book})
	officer := &access.Person{Subject: "oidc:ola@https://idp.example", Email: "ola@example.com", Roles: []access.Role{access.PrivacyOfficer}}
	for b.Loop() {
		if approve, _, err := desk.Waiting(context.Background(), officer); err != nil || len(approve) != 20 {
			b.Fatal(len(approve), err)
		}
	}
}
