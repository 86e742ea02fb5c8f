package organisation

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"
)

// States of an account.
const (
	StateMember = "member" // listed in the directory, or joined by the feed and did not leave
	StateLeft   = "left"
	StateSeen   = "seen" // known by what it did alone
	// StateInvited is an address that was invited and has done nothing since.
	StateInvited = "invited"
)

// Account is what is known of one account.
type Account struct {
	ID       string   `json:"id"`   // "user:user_01…", "email:dana@example.com", …
	Name     string   `json:"name"` // by which people know it best: an address, else the id
	State    string   `json:"state"`
	Listed   bool     `json:"listed"` // in the directory now
	Role     string   `json:"role,omitempty"`
	Roles    []string `json:"roles,omitempty"`  // custom roles, by id
	Groups   []string `json:"groups,omitempty"` // by id
	Orgs     []string `json:"organizations,omitempty"`
	Known    []Known  `json:"known_as,omitempty"` // its identifiers over time
	Seen     []Seen   `json:"seen,omitempty"`
	Asserted bool     `json:"asserted"` // known only from what clients say of themselves
	// Joined and Left are when the feed said so, or a sweep of the directory noticed; nil where neither did, as of who was
	// there before records begin.
	Joined *time.Time `json:"joined,omitempty"`
	Left   *time.Time `json:"left,omitempty"`

	subjects []subject
	log      []AccountEvent
}

// Known is an identifier of an account and when records carried it.
type Known struct {
	Kind   string    `json:"kind"` // "user", "email", "uuid", "subject"
	Value  string    `json:"value"`
	Proved bool      `json:"proved"`
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
}

// Seen says when an account was seen on a plane.
type Seen struct {
	Plane  string    `json:"plane"`
	Proved bool      `json:"proved"` // a credential proved it; else a client asserted it
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
}

// AccountEvent is something in the history of an account.
type AccountEvent struct {
	Seq    uint64    `json:"record"`
	At     time.Time `json:"at"`
	What   string    `json:"what"` // see the What constants
	Type   string    `json:"type"`
	Detail string    `json:"detail,omitempty"`
	Was    string    `json:"was,omitempty"`
	By     string    `json:"by,omitempty"`

	subject subject
}

// Filter chooses accounts.
type Filter struct {
	Text   string // part of any identifier, role or group; "" for all
	State  string // one of the states; "" for all
	Offset int
	Limit  int // 0 for all
}

// Accounts is a part of the list.
type Accounts struct {
	List  []Account
	Total int            // that the filter finds
	Count map[string]int // of all accounts, by state
}

// Accounts lists accounts by name. Service accounts and keys are not among them.
func (v *View) Accounts(ctx context.Context, f Filter) (*Accounts, error) {
	all, err := v.accounts(ctx)
	if err != nil {
		return nil, err
	}
	out := &Accounts{Count: map[string]int{StateMember: 0, StateLeft: 0, StateSeen: 0, StateInvited: 0}}
	for _, a := range all {
		out.Count[a.State]++
		if f.State != "" && a.State != f.State || f.Text != "" && !a.matches(strings.ToLower(f.Text)) {
			continue
		}
		if out.Total++; out.Total > f.Offset && (f.Limit <= 0 || len(out.List) < f.Limit) {
			out.List = append(out.List, *a)
		}
	}
	return out, nil
}

func (a *Account) matches(text string) bool {
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), text) }
	return has(a.ID) || has(a.Name) || has(a.Role) || slices.ContainsFunc(a.Groups, has) || slices.ContainsFunc(a.Roles, has) ||
		slices.ContainsFunc(a.Known, func(k Known) bool { return has(k.Value) })
}

// Account is one account and its history, the latest first, by its id or any identifier it was ever known by; nil where
// there is none.
func (v *View) Account(ctx context.Context, id string) (*Account, []AccountEvent, error) {
	all, err := v.accounts(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, exact := range []bool{true, false} {
		for _, a := range all {
			if a.ID == id || slices.Contains(a.subjects, id) || !exact && (a.Name == id || slices.ContainsFunc(a.Known, func(k Known) bool { return k.Value == id })) {
				slices.SortFunc(a.log, func(x, y AccountEvent) int {
					return cmp.Or(y.At.Compare(x.At), cmp.Compare(y.Seq, x.Seq), cmp.Compare(x.Detail, y.Detail))
				})
				return a, a.log, nil
			}
		}
	}
	return nil, nil, nil
}

// accounts puts everything known together, in the order of names.
func (v *View) accounts(ctx context.Context) ([]*Account, error) {
	b := &builder{view: v, bySubject: make(map[subject]*Account), emails: make(map[string]*holder), uuids: make(map[string]*Account)}
	for _, step := range []func(context.Context) error{b.people, b.users, b.join, b.members, b.history} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return b.finish(), nil
}

// Owner is an account that a container belongs to, or was used by.
type Owner struct {
	Account string    `json:"account"` // its id, as Account takes it
	Name    string    `json:"name"`
	Proved  bool      `json:"proved"`
	Created bool      `json:"created"` // it made the container
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
}

// Owner tells whose a container is as far as records tell: who made it first, then by name. A container is named as records
// name it: "chat/CREDENTIAL/ID".
func (v *View) Owner(ctx context.Context, container string) ([]Owner, error) {
	list, err := rows(ctx, v, "owners", `SELECT anchor, proved, created, first_at, last_at FROM owners JOIN accounts ON id = account WHERE container = ?`,
		[]any{container}, func(scan func(...any) error) (Owner, error) {
			var o Owner
			var first, last int64
			err := scan(&o.Account, &o.Proved, &o.Created, &first, &last)
			o.First, o.Last = microTime(first), microTime(last)
			return o, err
		})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	of, err := v.named(ctx)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if a, ok := of[list[i].Account]; ok {
			list[i].Account, list[i].Name = a.id, a.name
		} else {
			_, list[i].Name, _ = strings.Cut(list[i].Account, ":")
		}
	}
	slices.SortFunc(list, func(a, b Owner) int {
		return cmp.Or(order2(b.Created, a.Created), cmp.Compare(a.Name, b.Name), order2(b.Proved, a.Proved))
	})
	return list, nil
}

// names are the accounts by what they were ever known as, as the view had them at one position.
type names struct {
	mu sync.Mutex
	at uint64            // guarded by mu
	of map[subject]named // guarded by mu; nil before the first. Its values never change
}

type named struct{ id, name string }

// named tells which account a subject belongs to. To put all accounts together takes as long as there are accounts, so it
// is done once for each position.
func (v *View) named(ctx context.Context) (map[subject]named, error) {
	at, err := v.Position(ctx) // before the accounts, which may be newer
	if err != nil {
		return nil, err
	}
	v.names.mu.Lock()
	defer v.names.mu.Unlock()
	if v.names.of != nil && v.names.at == at {
		return v.names.of, nil
	}
	all, err := v.accounts(ctx)
	if err != nil {
		return nil, err
	}
	of := make(map[subject]named)
	for _, a := range all {
		for _, s := range a.subjects {
			of[s] = named{a.ID, a.Name}
		}
	}
	v.names.at, v.names.of = at, of
	return of, nil
}

// fields reads the fields of something the directory lists.
func fields(text string) map[string]string {
	m := make(map[string]string)
	_ = json.Unmarshal([]byte(text), &m) // written by this view
	return m
}
