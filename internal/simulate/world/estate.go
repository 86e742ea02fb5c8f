package world

import (
	"slices"
	"time"
)

// The versions of Claude Code in use: most are recent, some never were updated.
var (
	recentVersions = []string{"2.1.330", "2.1.330", "2.1.330", "2.1.294", "2.1.294", "2.1.240"}
	staleVersions  = []string{"2.1.214", "2.1.197", "2.1.187", "2.1.100"}
)

// pinned are the versions of those who are known for theirs.
var pinned = map[string]string{
	"dana": "2.1.330", "mikkel": "2.1.330", "birte": "2.1.214", "rohit": "2.1.100", "katrin": "1.0.128", "priya": "2.0.77",
	"karan": "2.1.187", "meera": "2.1.197", "aaron": "2.1.330", "theo": "2.1.294", "anneliese": "2.1.294", "vikram": "2.1.330",
}

// setup is how an administrator configured a team's clients.
type setup struct {
	gates    Gates
	protocol string
	traces   bool
	gateway  bool
	managed  bool // policy of the enterprise is in force, with its hooks
	servers  []string
	plugins  []string
}

var setups = map[string]setup{
	clinicalData: {
		Gates{Prompts: true, Responses: true, ToolDetails: true, ToolContent: true, AccountUUID: true, ResourceTeam: true}, "http/protobuf", true, false,
		true, []string{"github", "postgres-readonly", "jira"}, []string{"nordwald-guard", "clinical-sql"},
	},
	integration: {
		Gates{Prompts: true, Responses: true, ToolDetails: true, AccountUUID: true, ResourceTeam: true}, "grpc", true, true, true,
		[]string{"github", "jira", "hl7-gateway", "pagerduty"}, []string{"nordwald-guard"},
	},
	radiology:  {Gates{ToolDetails: true, AccountUUID: true}, "http/protobuf", false, false, true, []string{"github", "orthanc"}, []string{"nordwald-guard"}},
	pharmacy:   {Gates{Prompts: true, Responses: true, ToolDetails: true, AccountUUID: true}, "http/protobuf", false, false, false, []string{"sharepoint"}, nil},
	treasury:   {Gates{AccountUUID: true, ResourceTeam: true}, "http/json", false, true, true, []string{"jira", "treasury-ledger"}, []string{"nordwald-guard"}},
	legal:      {Gates{AccountUUID: true}, "http/protobuf", false, false, false, []string{"sharepoint"}, nil},
	security:   {Gates{true, true, true, true, true, true, true}, "http/protobuf", true, true, true, []string{"github", "pagerduty", "slack"}, []string{"nordwald-guard"}},
	research:   {Gates{Prompts: true, AccountUUID: true}, "http/protobuf", false, false, false, []string{"github", "pubmed"}, []string{"stats-notebook"}},
	people:     {Gates{ToolDetails: true, AccountUUID: true}, "http/json", false, false, false, []string{"sharepoint"}, nil},
	leadership: {Gates{AccountUUID: true}, "http/protobuf", false, false, false, []string{"sharepoint"}, nil},
	automation: {Gates{Prompts: true, Responses: true, ToolDetails: true, ToolContent: true, ResourceTeam: true}, "grpc", false, true, true, []string{"github"}, nil},
}

// equip gives an account its devices.
func (w *World) equip(a *Account, p post) {
	if p.uses == usesChat {
		return
	}
	if p.uses != usesCowork {
		a.Devices = append(a.Devices, w.device(a, p, ClaudeCode))
	}
	if p.uses == usesCowork || p.uses == usesBoth {
		a.Devices = append(a.Devices, w.device(a, p, Cowork))
	}
}

func (w *World) device(a *Account, p post, product Product) *Device {
	d := w.dice("device", p.login, string(product))
	s, how := sites[p.site], setups[p.team]
	os := p.os
	if product == Cowork && os == "linux" {
		os = "windows"
	}
	w.machines++
	dev := &Device{
		Name: hostName(s, os, 100+w.machines), ID: d.hex(64), OSType: os, Arch: "amd64", OSUser: p.login, IP: s.net + digits(d.between(2, 250)),
		Gateway: how.gateway && product == ClaudeCode, Owner: a,
	}
	switch os {
	case "darwin":
		dev.Arch, dev.OS = "arm64", pick(d, []string{"25.6.0", "26.1.0", "26.0.1"})
	case "windows":
		dev.OS = pick(d, []string{"10.0.26200", "10.0.22631"})
	default:
		dev.OS = pick(d, []string{"6.8.0-41-generic", "6.17.0-8-generic", "6.12.9-amd64"})
	}
	c := Client{Product: product, Protocol: how.protocol, Gates: how.gates, Interval: 5 * time.Second, Traces: how.traces}
	c.Version = pick(d, recentVersions)
	if d.chance(150) {
		c.Version = pick(d, staleVersions)
	}
	if v := pinned[p.login]; v != "" {
		c.Version = v
	}
	if product == Cowork {
		c.Version = pick(d, []string{"2.1.294", "2.1.240", "2.1.187"})
		c.Desktop = map[string]string{"2.1.294": "1.22209.3", "2.1.240": "1.19367.0", "2.1.187": "1.15962.1"}[c.Version]
		c.Terminal, c.Traces = "non-interactive", false
		c.Gates.AccountUUID, c.Gates.ResourceTeam = true, false
		if c.Protocol == "grpc" {
			c.Protocol = "http/protobuf"
		}
	} else if a.Service {
		c.Terminal, c.Interval = "non-interactive", time.Second
		c.Version = pick(d, []string{"2.1.330", "2.1.294"})
	} else {
		c.Terminal = pick(d, map[string][]string{
			"darwin":  {"iTerm.app", "vscode", "Apple_Terminal", "ghostty"},
			"linux":   {"xterm-256color", "tmux", "vscode"},
			"windows": {"windows-terminal", "vscode"},
		}[os])
	}
	c.Traces = c.Traces && since(c.Version, firstSpan)
	dev.Client = c
	return dev
}

// servers are the MCP servers and connectors of the enterprise.
func servers() []*Server {
	read := func(name, what string) MCPTool { return MCPTool{Name: name, Description: what} }
	write := func(name, what string) MCPTool { return MCPTool{Name: name, Description: what, Writes: true} }
	out := func(name, what string) MCPTool {
		return MCPTool{Name: name, Description: what, Writes: true, Outbound: true}
	}
	return []*Server{
		{"github", "http", "user", "https://mcp.github.nordwald.example/mcp", []MCPTool{
			read("get_pull_request", "Reads a pull request"), read("list_issues", "Lists issues"), read("get_file_contents", "Reads a file"),
			write("create_issue", "Opens an issue"), write("add_comment", "Comments on an issue or a pull request"),
		}},
		{"jira", "http", "user", "https://jira.nordwald.example/mcp", []MCPTool{
			read("get_issue", "Reads an issue"), read("search", "Searches by JQL"), write("add_comment", "Comments on an issue"),
		}},
		{"postgres-readonly", "stdio", "project", "", []MCPTool{
			read("query", "Runs one SELECT statement"), read("describe_table", "Names columns and types of a table"),
		}},
		{"hl7-gateway", "http", "project", "https://hl7.nordwald.example/mcp", []MCPTool{
			read("get_message", "Reads a message of the interface engine"), read("channel_status", "Says how a channel is doing"),
			write("replay_message", "Sends a message through a channel again"),
		}},
		{"pagerduty", "http", "user", "https://mcp.pagerduty.example/mcp", []MCPTool{
			read("list_incidents", "Lists open incidents"), read("get_incident", "Reads an incident"), write("acknowledge", "Acknowledges an incident"),
		}},
		{"slack", "http", "user", "https://mcp.slack.example/mcp", []MCPTool{
			read("search_messages", "Searches messages"), out("post_message", "Posts a message to a channel or a person, in other workspaces too"),
		}},
		{"orthanc", "stdio", "project", "", []MCPTool{
			read("find_studies", "Finds studies by tag"), read("get_tags", "Reads the tags of an instance"),
		}},
		{"treasury-ledger", "http", "project", "https://ledger.nordwald.example/mcp", []MCPTool{
			read("get_statement", "Reads an account statement"), read("list_open_items", "Lists open items"),
		}},
		{"pubmed", "http", "user", "https://mcp.pubmed.example/mcp", []MCPTool{
			read("search", "Searches the literature"), read("get_abstract", "Reads an abstract"),
		}},
		{"sharepoint", "http", "dynamic", "https://nordwald.sharepoint.example/mcp", []MCPTool{
			read("search", "Searches documents"), read("get_document", "Reads a document"), out("share_link", "Makes a link that others can open"),
		}},
	}
}

func (w *World) server(name string) *Server {
	i := slices.IndexFunc(w.Servers, func(s *Server) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return w.Servers[i]
}

// plugins by name.
var plugins = map[string]PluginAct{
	"nordwald-guard": {Name: "nordwald-guard", Version: "3.2.0", Marketplace: "nordwald-internal", Scope: "org", EnabledVia: "org-policy", HasHooks: true},
	"clinical-sql":   {Name: "clinical-sql", Version: "1.7.1", Marketplace: "nordwald-internal", Scope: "org", EnabledVia: "admin-install", HasMCP: true},
	"stats-notebook": {Name: "stats-notebook", Version: "0.9.4", Marketplace: "claude-plugins-official", Scope: "official", EnabledVia: "user-install", Official: true},
}

// bundled comes with every client of the newer versions.
var bundled = PluginAct{Name: "cc-plugin-agents-md", Marketplace: "builtin", Scope: "default-bundle", EnabledVia: "default-enable", HasHooks: true}

// offered are what people install now and then.
var offered = []PluginAct{
	{Name: "pyright-lsp", Version: "1.0.2", Marketplace: "claude-plugins-official", Scope: "official", EnabledVia: "user-install", Official: true},
	{Name: "commit-commands", Version: "1.3.0", Marketplace: "claude-plugins-official", Scope: "official", EnabledVia: "user-install", Official: true, HasHooks: true},
	{Name: "fhir-snippets", Version: "0.2.5", Marketplace: "hl7-friends", Scope: "community", EnabledVia: "user-install"},
}

// policyHooks are those of the enterprise's managed settings.
var policyHooks = []HookConfig{
	{Event: "PreToolUse", Type: "command", Source: "policySettings", Matcher: "Bash|WebFetch|mcp__.*"},
	{Event: "UserPromptSubmit", Type: "http", Source: "policySettings"},
	{Event: "SessionEnd", Type: "command", Source: "policySettings"},
}

func (w *World) projects() []*Project {
	d := w.dice("projects")
	repo := func(team, name string) *Project {
		return &Project{Name: name, Path: "/work/" + name, Branch: "main", Team: team}
	}
	matter := func(team, name string) *Project {
		return &Project{Name: name, ID: d.vendor("claude_proj_01"), Path: "/Documents/" + name, Team: team}
	}
	return []*Project{
		repo(clinicalData, "lab-pipeline"), repo(clinicalData, "deident"), repo(clinicalData, "registry-etl"),
		repo(integration, "hl7-router"), repo(integration, "fhir-facade"),
		repo(radiology, "dicom-tools"), repo(radiology, "report-structure"),
		repo(treasury, "bank-files"), repo(treasury, "drg-billing"),
		repo(security, "infra-live"), repo(security, "detections"),
		repo(research, "survival-study"), repo(research, "trial-matching"),
		matter(pharmacy, "Arzneimittelkommission"), matter(legal, "Auftragsverarbeitung"), matter(people, "Stellenausschreibungen"),
		matter(leadership, "Aufsichtsrat"), matter(treasury, "Treasury Reporting"), matter(clinicalData, "Datenqualität"),
		matter(radiology, "Befundvorlagen"), matter(research, "Ethikantrag"), matter(worksCouncil, "Betriebsvereinbarung KI"),
		matter(integration, "Schnittstellen"), matter(security, "Notfallhandbuch"),
	}
}

// projectOf is a repository of a team, or a matter for Cowork and chat.
func (w *World) projectOf(d dice, team string, matter bool) *Project {
	var fit []*Project
	for _, p := range w.Projects {
		if p.Team == team && (p.ID != "") == matter {
			fit = append(fit, p)
		}
	}
	if len(fit) == 0 {
		return nil
	}
	return pick(d, fit)
}
