package directory_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// vendor is a directory that a test changes at will, in memory. Lists are by their path below /v1/compliance.
type vendor struct {
	mu    sync.Mutex
	lists map[string]map[string]row
	page  int // rows of a page; 0 is all
	// answer, where set, stands before the lists: true is answered.
	answer func(w http.ResponseWriter, r *http.Request) bool
	asked  []string
}

type row map[string]any

const (
	orgs   = "/organizations"
	users  = "/organizations/o1/users"
	groups = "/groups"
)

func newVendor() *vendor {
	v := &vendor{lists: map[string]map[string]row{}}
	v.put(orgs, "o1", row{"uuid": "o1", "name": "Clinic", "created_at": "2025-03-12T18:22:41.123456+00:00"})
	for _, n := range []string{"1", "2", "3"} {
		v.user(n, n+"@example.com", "user")
	}
	v.put("/organizations/o1/roles", "r1", row{"id": "r1", "name": "Steward", "description": "May add connectors", "created_at": "2025-03-12T18:22:41.123456", "updated_at": nil})
	v.put("/organizations/o1/roles/r1/permissions", "p1", row{"action": "connectors:manage", "resource_id": "o1", "resource_type": "organization"})
	v.put(groups, "g1", row{"id": "g1", "name": "Pilots", "description": "", "source_type": "scim", "roles": []string{"r1"}, "created_at": "2025-03-12T18:22:41.123456", "updated_at": nil})
	v.member("g1", "u1")
	v.member("g1", "u2")
	return v
}

func (v *vendor) user(n, email, role string) {
	v.put(users, "u"+n, row{"id": "u" + n, "full_name": "Name " + n, "email": email, "organization_role": role, "created_at": "2026-01-02T03:04:05.000006Z"})
}

func (v *vendor) member(group, user string) {
	v.put("/groups/"+group+"/members", user, row{"user_id": user, "email": user + "@example.com", "created_at": nil, "updated_at": nil})
}

func (v *vendor) put(list, id string, r row) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.lists[list] == nil {
		v.lists[list] = map[string]row{}
	}
	v.lists[list][id] = r
}

func (v *vendor) remove(list string, ids ...string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, id := range ids {
		delete(v.lists[list], id)
	}
}

func (v *vendor) set(f func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	f()
}

func (v *vendor) requests() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.asked)
}

func (v *vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked = append(v.asked, r.URL.RequestURI())
	w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	w.Header().Set("Request-Id", fmt.Sprintf("req_%d", len(v.asked)))
	if v.answer != nil && v.answer(w, r) {
		return
	}
	rows := v.lists[strings.TrimPrefix(r.URL.Path, "/v1/compliance")]
	ids := slices.Sorted(maps.Keys(rows))
	from, _ := strconv.Atoi(r.URL.Query().Get("page"))
	to := len(ids)
	if v.page > 0 {
		to = min(from+v.page, len(ids))
	}
	data := []row{}
	for _, id := range ids[min(from, to):to] {
		data = append(data, rows[id])
	}
	body := map[string]any{"data": data, "has_more": to < len(ids)}
	if to < len(ids) {
		body["next_page"] = strconv.Itoa(to)
	}
	_ = json.NewEncoder(w).Encode(body)
}

// refuse answers as the vendor does.
func refuse(w http.ResponseWriter, status int, kind, message string) bool {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"type": kind, "message": message}})
	return true
}
