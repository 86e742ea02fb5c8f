package console

import (
	"strconv"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/health"
)

// navigation lists the pages that somebody may open.
func (v *visit) navigation(w waits) []page.NavItem {
	var list []page.NavItem
	for _, n := range []page.NavItem{
		{Section: "overview", Name: "Overview", URL: "/"},
		{Section: "activity", Name: "Activity", URL: "/activity"},
		{Section: "alerts", Name: "Alerts", URL: "/alerts"},
		{Section: "organisation", Name: "Organisation", URL: "/organisation"},
		{Section: "cases", Name: "Cases", URL: "/cases"},
		{Section: "lifecycle", Name: "Retention", URL: "/lifecycle"},
		{Section: "reviews", Name: "Reviews", URL: "/reviews"},
		{Section: "health", Name: "Health", URL: "/health"},
		{Section: "settings", Name: "Settings", URL: "/settings"},
	} {
		if right, ok := access.ForRoute("GET " + pattern(n.URL)); !ok || !v.may(right) {
			continue
		}
		switch n.Section {
		case "health":
			n.Badge, n.BadgeKind = v.troubles()
		case "alerts":
			n.Badge, n.BadgeKind = v.alertBadge()
		case "cases":
			n.Badge, n.BadgeKind = w.badge()
		}
		list = append(list, n)
	}
	return list
}

// pattern is the address of a page without parameters as it is registered.
func pattern(address string) string {
	if address == "/" {
		return "/{$}"
	}
	return address
}

// troubles counts the conditions raised.
func (v *visit) troubles() (badge, kind string) {
	critical, warnings := v.conditions()
	switch {
	case critical > 0:
		return strconv.Itoa(critical) + " critical", "bad"
	case warnings > 0:
		return strconv.Itoa(warnings), "warn"
	}
	return "", ""
}

func (v *visit) conditions() (critical, warnings int) {
	for _, c := range v.deps.Health.Conditions() {
		if c.Severity == health.Critical {
			critical++
		} else {
			warnings++
		}
	}
	return critical, warnings
}
