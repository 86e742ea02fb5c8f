package content

import (
	"context"
	"database/sql"
	"net/url"
	"testing"
)

// exec changes a file behind the store's back.
func exec(t testing.TB, path, query string, args ...any) {
	t.Helper()
	name, err := dsn(path, nil, url.Values{})
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", name)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), query, args...); err != nil {
		t.Fatal(err)
	}
}
