package policy

import "strings"

// screen is what a tool call does to a browser or a computer, whatever the tool's way of saying it: the tools of the API
// (computer_*, browser_toolset_*, https://platform.claude.com/docs/en/agents-and-tools/tool-use/computer-use-tool), of the
// browser extension and of MCP servers that drive a screen.
type screen struct {
	kind   string // browser, computer; empty: the tool drives no screen
	action string
	url    string
	text   string // typed, pressed or run
	app    string
	x, y   int64 // -1: nowhere
}

// host is the host of the page, as it stands in the address.
func (s *screen) host() string {
	_, rest, is := strings.Cut(s.url, "://")
	if !is {
		rest = s.url
	}
	return authority(rest)
}

// screenOf reads a tool call as an act on a screen.
func screenOf(t tool, args map[string]any) screen {
	s := screen{kind: screenKind(t, args), x: -1, y: -1}
	if s.kind == "" {
		return s
	}
	s.action = screenAction(t, args)
	if s.kind == "computer" && s.action == "navigate" {
		s.kind = "browser"
	}
	s.url = argument(args, "url", "uri", "href")
	if s.url == "about:blank" {
		s.url = ""
	}
	s.text = argument(args, "text", "value", "keys", "key", "code", "script", "function", "javascript")
	s.app = argument(args, "app", "application", "bundle_id", "app_name")
	s.x, s.y = place(args)
	return s
}

func screenKind(t tool, args map[string]any) string {
	name, server := strings.ToLower(t.name), strings.ToLower(t.server)
	for _, part := range []string{"chrome", "browser", "playwright", "puppeteer", "selenium", "webdriver"} {
		if strings.Contains(server, part) || server == "" && strings.HasPrefix(name, part) {
			return "browser"
		}
	}
	if strings.Contains(server, "computer-use") || strings.Contains(server, "computer_use") || strings.Contains(server, "desktop-control") ||
		server == "" && (name == "computer" || strings.HasPrefix(name, "computer_")) && argument(args, "action") != "" {
		return "computer"
	}
	return ""
}

// actions maps words in names of tools and actions to one vocabulary; the first that fits holds.
func actions() []struct{ word, action string } {
	return []struct{ word, action string }{
		{"navigat", "navigate"}, {"goto", "navigate"}, {"go_to", "navigate"}, {"open_url", "navigate"}, {"new_tab", "navigate"},
		{"javascript", "script"}, {"evaluate", "script"}, {"run_code", "script"},
		{"screenshot", "screenshot"}, {"zoom", "screenshot"}, {"snapshot", "read"},
		{"upload", "upload"}, {"form_input", "type"}, {"fill", "type"}, {"type", "type"}, {"paste", "type"}, {"clipboard", "type"},
		{"press", "key"}, {"key", "key"}, {"click", "click"}, {"mouse", "click"}, {"drag", "click"}, {"hover", "click"}, {"select", "click"},
		{"scroll", "scroll"}, {"wait", "wait"}, {"open_app", "open"}, {"launch", "open"}, {"request_access", "open"},
		{"read", "read"}, {"get_", "read"}, {"find", "read"}, {"console", "read"}, {"network", "read"},
	}
}

func screenAction(t tool, args map[string]any) string {
	said := strings.ToLower(argument(args, "action"))
	for _, name := range []string{said, strings.ToLower(t.name)} {
		for _, a := range actions() {
			if name != "" && strings.Contains(name, a.word) {
				return a.action
			}
		}
		if name != "" && name == said {
			return said // a new action keeps its own name
		}
	}
	if argument(args, "url") != "" {
		return "navigate"
	}
	return strings.ToLower(t.name)
}

// place is where on the screen: coordinate: [x, y], or x and y.
func place(args map[string]any) (x, y int64) {
	if pair, ok := args["coordinate"].([]any); ok && len(pair) == 2 {
		return pixel(pair[0]), pixel(pair[1])
	}
	return pixel(args["x"]), pixel(args["y"])
}

func pixel(v any) int64 {
	if n, ok := v.(float64); ok && n >= 0 && n < 1<<20 {
		return int64(n)
	}
	return -1
}
