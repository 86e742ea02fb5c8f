package console

import (
	"net/http"

	"github.com/tripod-audit/tripod/internal/console/page"
)

// routes says what answers where. Pages are registered with page or stream (see visit.go) and forms with form (see form.go), so that
// none can be looked at without a record of it, nor by who lacks the right.
func (c *Console) routes() *http.ServeMux {
	mux := http.NewServeMux()
	c.open(mux, "GET "+page.StaticPath, http.HandlerFunc(c.static))
	c.signInRoutes(mux)
	c.meRoutes(mux)
	c.settingsRoutes(mux)
	c.overviewRoutes(mux)
	c.recordRoutes(mux)
	c.sessionRoutes(mux)
	c.healthRoutes(mux)
	c.organisationRoutes(mux)
	c.caseRoutes(mux)
	c.lifecycleRoutes(mux)
	c.alertRoutes(mux)
	c.activityRoutes(mux)
	c.reviewRoutes(mux)
	c.captureRoutes(mux)
	c.apiRoutes(mux)
	for pattern, h := range c.deps.Open {
		c.open(mux, pattern, h)
	}
	mux.HandleFunc("/", c.nowhere(mux))
	return mux
}
