package console

import (
	"net/http"

	"github.com/tripod-audit/tripod/internal/console/page"
)

// routes says what answers where. Pages are registered with page or stream (see visit.go), so that none can be looked at
// without a record of it.
func (c *Console) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+page.StaticPath, c.static)
	mux.HandleFunc("GET /enter", c.getOnly(c.enter))
	mux.HandleFunc("POST /leave", c.leave)
	c.overviewRoutes(mux)
	c.recordRoutes(mux)
	c.sessionRoutes(mux)
	c.healthRoutes(mux)
	c.organisationRoutes(mux)
	c.activityRoutes(mux)
	c.apiRoutes(mux)
	for pattern, h := range c.deps.Open {
		mux.Handle(pattern, h)
	}
	mux.HandleFunc("/", c.nowhere(mux))
	return mux
}
