package settings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/settings/baseline"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/sweep"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/trouble"
)

// The kinds of what a snapshot holds. An organisation has no record of its own here, but with it goes what it held.
const (
	kindOrganization = "organization"
	kindValue        = "value"
	kindKey          = "api_key"
)

// part is the settings of all organisations.
type part struct {
	client     *api.Client
	credential string
	baseline   baseline.Baseline
}

// Read reads the settings of one organisation after the other.
func (p *part) Read(ctx context.Context, r *sweep.Reading) error {
	r.Reach = kindOrganization
	keys := p.client.KeyChanges()
	orgs, err := r.Walk(ctx, kindOrganization, func(ctx context.Context, page string) (api.Listing, error) {
		return p.client.Organizations(ctx, page, api.Backfill)
	}, organization)
	if err != nil {
		return err
	}
	found := false
	for _, org := range orgs {
		var s api.Settings
		ok, err := r.Try(ctx, listOf(org), func() (err error) {
			s, err = p.of(ctx, org)
			return err
		})
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		at := r.Answered(s.RequestID, s.Date)
		things, whole := p.values(org, s.Rows)
		r.Put(listOf(org), at, things, whole)
		if found = true; s.Keys != nil { // the parent's, told with each organisation
			keys, whole := keysOf(s.Keys)
			r.Put(kindKey, at, keys, whole)
		}
	}
	if !found && r.Trouble() != nil { // the whole route is not there, or fails
		return r.Trouble()
	}
	return sweep.OneKey(keys, p.client.KeyChanges())
}

// of fetches the settings of an organisation.
func (p *part) of(ctx context.Context, org string) (api.Settings, error) {
	s, err := p.client.Settings(ctx, org, api.Backfill)
	var refused *api.Error
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound && !refused.KeyRefused() {
		return s, fmt.Errorf("%w: %w", trouble.ErrNotGranted, err)
	}
	return s, err
}

func listOf(org string) string { return kindOrganization + "/" + org + "/" + kindValue }

// organization finds the id of a row of organisations; what else it says the directory tells.
func organization(raw []byte) (sweep.Thing, bool) {
	var row struct {
		UUID string `json:"uuid"`
	}
	if err := json.Unmarshal(raw, &row); err != nil || row.UUID == "" {
		return sweep.Thing{}, false
	}
	return sweep.Thing{ID: row.UUID}, true
}
