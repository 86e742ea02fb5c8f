package llmgateway

import (
	"net/http"
	"path"
	"strings"
)

// route is what a request asks for, as far as the gateway knows (https://code.claude.com/docs/en/llm-gateway-protocol).
type route string

const (
	routeMessages route = "messages"
	routeCount    route = "count_tokens"
	routeBatches  route = "batches"
	routeComplete route = "complete"
	routeModels   route = "models"
	routeHello    route = "hello"
	routeOther    route = "other"
)

func routeOf(method, of string) route {
	of = strings.ToLower(plainPath(of))
	switch {
	case of == "/v1/models", strings.HasPrefix(of, "/v1/models/"):
		return routeModels
	case of == "/api/hello":
		return routeHello
	case method != http.MethodPost:
		return routeOther
	}
	switch of {
	case "/v1/messages":
		return routeMessages
	case "/v1/messages/count_tokens":
		return routeCount
	case "/v1/messages/batches":
		return routeBatches
	case "/v1/complete":
		return routeComplete
	}
	return routeOther
}

// plainPath is a path as the most lenient upstream would read it, so that no way of writing it leads past the rules. What goes
// upstream is the path as sent.
func plainPath(p string) string {
	segments := strings.Split(strings.ReplaceAll(p, `\`, "/"), "/")
	for i, s := range segments {
		s, _, _ = strings.Cut(s, ";")
		segments[i] = strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	}
	return path.Clean("/" + strings.Join(segments, "/"))
}

// carries reports whether a request of a method may take something with it: where rules enforce, that it was made is on record
// before it goes, though nobody reads what it takes.
func carries(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

// reads reports whether the gateway reads the body: that of a conversation always, those of other routes that hold such text
// only where a rule could keep it from leaving.
func (r route) reads(enforce bool) bool {
	switch r {
	case routeMessages:
		return true
	case routeCount, routeBatches, routeComplete:
		return enforce
	}
	return false
}
