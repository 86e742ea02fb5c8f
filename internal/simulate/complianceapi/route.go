package complianceapi

import (
	"net/http"
	"slices"
	"strings"
)

// family is what routes have in common beside their scope.
type family int

const (
	common family = iota
	local         // local sessions
	remote        // remote sessions: a second budget
)

// route is one route of https://platform.claude.com/docs/en/api/compliance.
type route struct {
	method, path string // path after /v1/compliance
	name         string
	scope        string
	family       family
	params       params
	serve        func(*API, *call) (*answer, *refusal)
}

const prefix = "/v1/compliance"

// Operators of ranges.
const (
	allOps = "gte gt lte lt"
	twoOps = "gte lt"
)

func page(usual, most int) params { return params{page: true, limit: &limits{usual, most}} }

// routes are all there are.
func routes() []route {
	return slices.Concat(feedRoutes(), chatRoutes(), fileRoutes(), projectRoutes(), sessionRoutes(), codeRoutes(), directoryRoutes())
}

func feedRoutes() []route {
	return []route{{
		method: http.MethodGet, path: "/activities", name: "activities", scope: scopeActivities, serve: (*API).activities,
		params: params{
			cursor: true, limit: &limits{100, 5000}, ranges: map[string]string{"created_at": allOps}, words: map[string]string{"order": "asc desc"},
			lists: map[string]int{"activity_types": 0, "exclude_activity_types": 0, "actor_ids": 0, "user_ids": 0, "organization_ids": 0},
		},
	}}
}

// find finds the route of a request and the values in its path. A literal part goes before a variable one.
func (a *API) find(c *call) (*route, *refusal) {
	path, ok := strings.CutPrefix(c.Path, prefix)
	if !ok {
		return nil, missing("Not found")
	}
	var found *route
	best, known := -1, false
	for i := range a.routes {
		rt := &a.routes[i]
		vars, literal, ok := rt.match(path)
		known = known || ok
		if ok && rt.method == c.Method && literal > best {
			found, best, c.vars = rt, literal, vars
		}
	}
	switch {
	case found != nil:
		return found, nil
	case known:
		return nil, &refusal{status: http.StatusMethodNotAllowed, kind: "invalid_request_error", message: "Method Not Allowed"}
	}
	return nil, missing("Not found")
}

// match matches a path with the route's, and counts the parts that are literal.
func (rt *route) match(path string) (vars map[string]string, literal int, ok bool) {
	want, got := strings.Split(rt.path, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, 0, false
	}
	vars = map[string]string{}
	for i, w := range want {
		switch {
		case strings.HasPrefix(w, "{") && got[i] != "":
			vars[strings.Trim(w, "{}")] = got[i]
		case w == got[i]:
			literal++
		default:
			return nil, 0, false
		}
	}
	return vars, literal, true
}
