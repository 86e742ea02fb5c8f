package organisation

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Reader is what the view answers; *View is one.
type Reader interface {
	Position(ctx context.Context) (uint64, error)
	Settings(ctx context.Context) ([]Setting, error)
	SettingHistory(ctx context.Context, name string, limit int) ([]SettingChange, error)
	Keys(ctx context.Context) ([]Key, error)
	Callers(ctx context.Context) ([]Caller, error)
	Accounts(ctx context.Context, f Filter) (*Accounts, error)
	Account(ctx context.Context, id string) (*Account, []AccountEvent, error)
	Owner(ctx context.Context, container string) ([]Owner, error)
}

var _ Reader = (*View)(nil)

// microTime is the time of µs since 1970; 0 is no time.
func microTime(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// rows reads all rows of a query.
func rows[T any](ctx context.Context, v *View, what, query string, args []any, scan func(func(...any) error) (T, error)) (list []T, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("read %s of the organisation: %w", what, err)
		}
	}()
	found, err := v.file.Readers().QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func(r *sql.Rows) { _ = r.Close() }(found)
	for found.Next() {
		t, err := scan(found.Scan)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, found.Err()
}
