package directory

import (
	"context"
	"errors"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/sweep"
)

// part is the directory.
type part struct {
	client     *api.Client
	credential string
}

// reading is one reading of it.
type reading struct {
	*part
	*sweep.Reading
	ctx context.Context
	// forbidden is why the key may read no accounts: lists of accounts need another scope than the rest, and to ask for
	// each of them would only use up the budget.
	forbidden error
}

// fetch asks for a page of a list.
type fetch func(ctx context.Context, page string) (api.Listing, error)

// Read reads organisations with their accounts and roles, then groups with their members.
func (p *part) Read(ctx context.Context, r *sweep.Reading) error {
	x := &reading{part: p, Reading: r, ctx: ctx}
	r.Reach = kindOrganization
	keys := p.client.KeyChanges()
	orgs, err := r.Walk(ctx, kindOrganization, func(ctx context.Context, page string) (api.Listing, error) {
		return p.client.Organizations(ctx, page, api.Backfill)
	}, kinds()[kindOrganization].parse)
	if err != nil {
		return err
	}
	for _, org := range orgs {
		if err := x.organization(org); err != nil {
			return err
		}
	}
	groups, err := x.list(kindGroup, kindGroup, func(ctx context.Context, page string) (api.Listing, error) {
		return p.client.Groups(ctx, page, api.Backfill)
	})
	if err != nil {
		return err
	}
	for _, group := range groups {
		if err := x.accounts(kindGroup+"/"+group+"/"+kindMember, kindMember, func(ctx context.Context, page string) (api.Listing, error) {
			return p.client.Members(ctx, group, page, api.Backfill)
		}); err != nil {
			return err
		}
	}
	return sweep.OneKey(keys, p.client.KeyChanges())
}

func (x *reading) organization(org string) error {
	at := kindOrganization + "/" + org + "/"
	err := x.accounts(at+kindUser, kindUser, func(ctx context.Context, page string) (api.Listing, error) {
		return x.client.Users(ctx, org, page, api.Backfill)
	})
	if err != nil {
		return err
	}
	roles, err := x.list(at+kindRole, kindRole, func(ctx context.Context, page string) (api.Listing, error) {
		return x.client.Roles(ctx, org, page, api.Backfill)
	})
	for _, role := range roles {
		if _, err := x.list(at+kindRole+"/"+role+"/"+kindPermission, kindPermission, func(ctx context.Context, page string) (api.Listing, error) {
			return x.client.Permissions(ctx, org, role, page, api.Backfill)
		}); err != nil {
			return err
		}
	}
	return err
}

// accounts reads a list of accounts, unless the key may read none.
func (x *reading) accounts(name, kind string, f fetch) error {
	if x.forbidden != nil {
		x.Unread(name, x.forbidden)
		return nil
	}
	_, err := x.list(name, kind, f)
	return err
}

// list reads a list. One that cannot be read is left as it was known: the key may not read it, what it hangs on may have
// gone since its own list was read, or the vendor fails at this one.
func (x *reading) list(name, kind string, f fetch) (ids []string, err error) {
	_, err = x.Try(x.ctx, name, func() error {
		var err error
		ids, err = x.Walk(x.ctx, name, f, kinds()[kind].parse)
		var refused *api.Error
		if errors.As(err, &refused) && refused.Forbidden() && (kind == kindUser || kind == kindMember) {
			x.forbidden = err
		}
		return err
	})
	return ids, err
}
