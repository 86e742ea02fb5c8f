package api_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
)

// TestListingRoutes has every route of the directory asked as the vendor's page has it.
func TestListingRoutes(t *testing.T) {
	t.Parallel()
	s := &server{answer: func(int) *http.Response {
		return response(200, `{"data":[{"id":"a"}],"has_more":true,"next_page":"page_2"}`)
	}}
	c := client(t, s)
	f := func(want string, l api.Listing, err error) {
		t.Helper()
		if err != nil || len(l.Rows) != 1 || l.Next != "page_2" || l.RequestID == "" || l.Date.IsZero() {
			t.Errorf("%s: %+v %v", want, l, err)
		}
		if got := s.last.URL.RequestURI(); got != "/v1/compliance"+want {
			t.Errorf("asked %s, want %s", got, want)
		}
	}
	l, err := c.Organizations(t.Context(), "", api.Backfill)
	f("/organizations?limit=1000", l, err)
	l, err = c.Users(t.Context(), "o-1", "page 1", api.Backfill)
	f("/organizations/o-1/users?limit=1000&page=page+1", l, err)
	l, err = c.Roles(t.Context(), "o-1", "", api.Backfill)
	f("/organizations/o-1/roles?limit=1000", l, err)
	l, err = c.Permissions(t.Context(), "o-1", "rbac_role_1", "", api.Backfill)
	f("/organizations/o-1/roles/rbac_role_1/permissions?limit=1000", l, err)
	l, err = c.Groups(t.Context(), "", api.Backfill)
	f("/groups?limit=1000", l, err)
	l, err = c.Members(t.Context(), "g%?#1", "", api.Backfill)
	f("/groups/g%25%3F%231/members?limit=1000", l, err)
	for _, id := range []string{"", ".", "..", "a/b", `a\b`} {
		n := s.n
		if _, err := c.Users(t.Context(), id, "", api.Backfill); !errors.Is(err, api.ErrMalformed) || s.n != n {
			t.Errorf("%q: %v, %d requests", id, err, s.n-n)
		}
	}
}

func TestObjects(t *testing.T) {
	t.Parallel()
	s := &server{answer: func(int) *http.Response { return response(200, `{"id":"a"}`) }}
	c := client(t, s)
	role, err := c.Role(t.Context(), "o", "r", api.Backfill)
	if err != nil || string(role.Body) != `{"id":"a"}` || s.last.URL.RequestURI() != "/v1/compliance/organizations/o/roles/r" {
		t.Errorf("%+v %v %s", role, err, s.last.URL)
	}
	group, err := c.Group(t.Context(), "g", api.Backfill)
	if err != nil || string(group.Body) != `{"id":"a"}` || s.last.URL.RequestURI() != "/v1/compliance/groups/g" {
		t.Errorf("%+v %v %s", group, err, s.last.URL)
	}
	s.answer = func(int) *http.Response { return response(200, `[]`) }
	if _, err := c.Group(t.Context(), "g", api.Backfill); !errors.Is(err, api.ErrMalformed) {
		t.Errorf("a list in place of an object: %v", err)
	}
}

// TestListingEnds: what does not end a list must not look like its end, or those behind it would seem to have left.
func TestListingEnds(t *testing.T) {
	t.Parallel()
	f := func(body, next string, is error) {
		t.Helper()
		s := &server{answer: func(int) *http.Response { return response(200, body) }}
		l, err := client(t, s).Groups(t.Context(), "p", api.Backfill)
		if !errors.Is(err, is) || l.Next != next {
			t.Errorf("%s: next %q, %v", body, l.Next, err)
		}
	}
	f(`{"data":[],"has_more":false,"next_page":null}`, "", nil)
	f(`{"data":[]}`, "", nil)
	f(`{"data":[],"has_more":true,"next_page":"q"}`, "q", nil) // empty, and more behind it
	f(`{"data":[],"next_page":"q"}`, "q", nil)
	f(`{"data":[],"has_more":true}`, "", api.ErrMalformed)
	f(`{"data":[],"has_more":true,"next_page":"p"}`, "", api.ErrMalformed)
	f(`{"data":null}`, "", api.ErrMalformed)
	f(`{"error":{}}`, "", api.ErrMalformed)
	f(`{"data":[`, "", api.ErrMalformed)
}

func TestSettingsAnswer(t *testing.T) {
	t.Parallel()
	f := func(body string, rows, keys int, is error) {
		t.Helper()
		s := &server{answer: func(int) *http.Response { return response(200, body) }}
		got, err := client(t, s).Settings(t.Context(), "Org-1", api.Backfill)
		if !errors.Is(err, is) || len(got.Rows) != rows || len(got.Keys) != keys {
			t.Errorf("%s: %+v %v", body, got, err)
		}
	}
	f(`{"organization_id":"org-1","settings":[{"name":"a"},{"name":"b"}],"api_keys":[{}]}`, 2, 1, nil)
	f(`{"settings":[]}`, 0, 0, nil)
	f(`{"organization_id":"org-2","settings":[]}`, 0, 0, api.ErrMalformed)
	f(`{"settings":{}}`, 0, 0, api.ErrMalformed)
	f(`{}`, 0, 0, api.ErrMalformed)
}
