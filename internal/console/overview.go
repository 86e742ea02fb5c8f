package console

import (
	"net/http"

	"github.com/tripod-audit/tripod/internal/console/page"
)

func (c *Console) overviewRoutes(mux *http.ServeMux) {
	c.page(mux, "GET /{$}", always(opens("overview")), (*visit).overview)
}

func (v *visit) overview() error {
	return v.print("overview", v.frame("Overview", "overview", "tripod doctor"), page.Overview{})
}
