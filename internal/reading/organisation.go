package reading

import (
	"context"

	"github.com/tripod-audit/tripod/internal/organisation"
)

// organisationView is the view of the organisation whose errors say what they are.
type organisationView struct {
	view   organisation.Reader
	reader *Reader
}

func (v *organisationView) err(ctx context.Context, err error) error {
	return v.reader.viewError(ctx, "organisation", err)
}

func (v *organisationView) Position(ctx context.Context) (uint64, error) {
	at, err := v.view.Position(ctx)
	return at, v.err(ctx, err)
}

func (v *organisationView) Settings(ctx context.Context) ([]organisation.Setting, error) {
	list, err := v.view.Settings(ctx)
	return list, v.err(ctx, err)
}

func (v *organisationView) SettingHistory(ctx context.Context, name string, limit int) ([]organisation.SettingChange, error) {
	list, err := v.view.SettingHistory(ctx, name, limit)
	return list, v.err(ctx, err)
}

func (v *organisationView) Keys(ctx context.Context) ([]organisation.Key, error) {
	list, err := v.view.Keys(ctx)
	return list, v.err(ctx, err)
}

func (v *organisationView) Callers(ctx context.Context) ([]organisation.Caller, error) {
	list, err := v.view.Callers(ctx)
	return list, v.err(ctx, err)
}

func (v *organisationView) Accounts(ctx context.Context, f organisation.Filter) (*organisation.Accounts, error) {
	list, err := v.view.Accounts(ctx, f)
	return list, v.err(ctx, err)
}

func (v *organisationView) Account(ctx context.Context, id string) (*organisation.Account, []organisation.AccountEvent, error) {
	account, log, err := v.view.Account(ctx, id)
	return account, log, v.err(ctx, err)
}

func (v *organisationView) Owner(ctx context.Context, container string) ([]organisation.Owner, error) {
	list, err := v.view.Owner(ctx, container)
	return list, v.err(ctx, err)
}
