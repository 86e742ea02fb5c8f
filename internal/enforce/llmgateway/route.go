package llmgateway

import (
	"net/http"
	"strings"
)

// route is what a request asks for, as far as the gateway knows (https://code.claude.com/docs/en/llm-gateway-protocol).
type route string

const (
	routeMessages route = "messages"
	routeCount    route = "count_tokens"
	routeModels   route = "models"
	routeHello    route = "hello"
	routeOther    route = "other"
)

func routeOf(method, path string) route {
	switch {
	case path == "/v1/messages" && method == http.MethodPost:
		return routeMessages
	case path == "/v1/messages/count_tokens" && method == http.MethodPost:
		return routeCount
	case path == "/v1/models", strings.HasPrefix(path, "/v1/models/"):
		return routeModels
	case path == "/api/hello":
		return routeHello
	}
	return routeOther
}

// reads reports whether the gateway reads the body: that of a conversation always, that of a count of its tokens, which holds
// the same text, only where a rule could keep it from leaving.
func (r route) reads(enforce bool) bool { return r == routeMessages || r == routeCount && enforce }
