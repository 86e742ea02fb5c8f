package normalise

import (
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// surface tells the product by the service that reports, by its scope where the service keeps silent (as Cowork in the
// cloud does at times), and by what only one product sends.
func (m *maker) surface() audit.Surface {
	cloud := m.has(cloudSessionID)
	switch m.service.Name {
	case "claude-code", "claude-code-desktop":
		return claudeCode(cloud)
	case "cowork":
		return m.cowork(cloud)
	case "claude-desktop":
		return audit.SurfaceDesktop
	case "claude-platform":
		return audit.SurfaceAPI
	}
	switch scope := m.service.Scope; {
	case strings.HasPrefix(scope, "com.anthropic.claude_code"):
		// Headless Claude Code says non-interactive too, so that tells Cowork only where nobody named the service: the
		// name can be set by anybody (OTEL_RESOURCE_ATTRIBUTES), its absence is Cowork's own.
		unnamed := m.service.Name == "" && m.str(terminalType) == "non-interactive"
		if unnamed || m.has(hostPaths) || m.has(coworkSurface) {
			return m.cowork(cloud)
		}
		return claudeCode(cloud)
	case strings.HasPrefix(scope, "claude-desktop"):
		return audit.SurfaceDesktop
	case strings.HasPrefix(scope, "com.anthropic.claude-platform"), strings.HasPrefix(scope, "com.anthropic.sdk"):
		return audit.SurfaceAPI
	}
	return audit.SurfaceUnknown
}

func claudeCode(cloud bool) audit.Surface {
	if cloud {
		return audit.SurfaceClaudeCodeWeb
	}
	return audit.SurfaceClaudeCode
}

func (m *maker) cowork(cloud bool) audit.Surface {
	if cloud || m.str(coworkSurface) == "remote" {
		return audit.SurfaceCoworkRemote
	}
	return audit.SurfaceCowork
}
