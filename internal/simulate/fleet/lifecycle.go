package fleet

import (
	"time"

	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// begin tells the start of a process: the policy in force, each plugin, each hook.
func (pl *player) begin(a *world.Act) {
	if pl.dialect.counted || pl.p.Interactive {
		pl.meter.session(pl.points(a), a.At, pl.p.Begin)
	}
	at := a.At
	if pl.dialect.start {
		pl.event(a, at, "managed_settings_resolved", "", func(l *attributes) {
			l.str("managed_settings.trigger", "startup")
			l.strs("managed_settings.sources", pl.p.Managed)
			l.str("managed_settings.source_behavior", "first-wins")
			l.str("managed_settings.helper.state", "none")
			l.str("managed_settings.helper.applied", "none")
		})
	}
	at = at.Add(40 * time.Millisecond)
	for i := range pl.p.Plugins {
		pl.event(a, at, "plugin_loaded", "", func(l *attributes) { pl.loaded(l, &pl.p.Plugins[i]) })
		at = at.Add(time.Millisecond)
	}
	for _, h := range pl.p.Hooks {
		pl.event(a, at, "hook_registered", "", func(l *attributes) {
			l.str("hook_event", h.Event)
			l.str("hook_type", h.Type)
			l.str("hook_source", h.Source)
			l.str("safe_mode", "false")
			if pl.p.Client.Gates.ToolDetails {
				l.some("hook_matcher", h.Matcher)
			}
		})
		at = at.Add(time.Millisecond)
	}
}

// ownName reports whether a plugin's name may be told: it came with the client or from the vendor, or the gate is open.
func (pl *player) ownName(p *world.PluginAct) bool {
	return p.Official || p.Marketplace == "builtin" || pl.p.Client.Gates.ToolDetails
}

func (pl *player) loaded(l *attributes, p *world.PluginAct) {
	if pl.ownName(p) {
		l.str("plugin.name", p.Name)
		l.str("marketplace.name", p.Marketplace)
		l.some("plugin.version", p.Version)
	} else {
		l.str("plugin.name", "third-party")
		l.str("marketplace.name", "third-party")
	}
	l.str("plugin.scope", p.Scope)
	l.str("enabled_via", p.EnabledVia)
	l.str("plugin_id_hash", digest(16, "plugin", p.Name, p.Marketplace))
	l.bool("has_hooks", p.HasHooks)
	l.bool("has_mcp", p.HasMCP)
	l.bool("host_owned_mcp", false)
	l.int("skill_path_count", 0)
	l.int("command_path_count", 0)
	l.int("agent_path_count", 0)
	l.str("safe_mode", "false")
}

func (pl *player) connection(a *world.Act) {
	c := a.Connection
	details := pl.p.Client.Gates.ToolDetails
	pl.event(a, a.At, "mcp_server_connection", "", func(l *attributes) {
		l.str("status", c.Status)
		l.str("transport_type", c.Server.Transport)
		l.str("server_scope", c.Server.Scope)
		l.digits("duration_ms", c.Duration.Milliseconds())
		l.some("error_code", c.Code)
		l.bool("is_plugin", false)
		if details {
			l.str("server_name", c.Server.Name)
			l.some("error", c.Error)
		}
	})
}

func (pl *player) hook(a *world.Act) {
	h := a.Hook
	managed := h.Source == "policySettings"
	common := func(l *attributes) {
		l.str("hook_event", h.Event)
		l.str("hook_name", h.Name)
		l.digits("num_hooks", int64(h.Count))
	}
	rest := func(l *attributes) {
		l.yes("managed_only", managed)
		l.str("hook_source", map[bool]string{true: "policySettings", false: "merged"}[managed])
		l.str("safe_mode", "false")
	}
	pl.event(a, a.At.Add(-h.Duration), "hook_execution_start", pl.root(a), func(l *attributes) {
		common(l)
		rest(l)
	})
	pl.event(a, a.At, "hook_execution_complete", pl.root(a), func(l *attributes) {
		common(l)
		l.digits("num_success", int64(h.Count-h.Blocking))
		l.digits("num_blocking", int64(h.Blocking))
		l.digits("num_non_blocking_error", 0)
		l.digits("num_cancelled", 0)
		l.digits("total_duration_ms", h.Duration.Milliseconds())
		if pl.dialect.outputs {
			for _, name := range []string{"stdout_chars", "additional_context_chars", "system_message_chars", "initial_user_message_chars", "num_outputs_persisted"} {
				l.digits(name, 0)
			}
		}
		rest(l)
	})
}

func (pl *player) changeMode(a *world.Act) {
	m := a.Mode
	pl.mode = m.To
	pl.event(a, a.At, "permission_mode_changed", pl.root(a), func(l *attributes) {
		l.str("from_mode", m.From)
		l.str("to_mode", m.To)
		l.some("trigger", m.Trigger)
	})
}

func (pl *player) skill(a *world.Act) {
	s := a.Skill
	open := pl.p.Client.Gates.ToolDetails
	pl.event(a, a.At, "skill_activated", pl.root(a), func(l *attributes) {
		if open || s.Source == "bundled" {
			l.str("skill.name", s.Name)
		} else {
			l.str("skill.name", "custom_skill")
		}
		l.str("invocation_trigger", s.Trigger)
		l.str("skill.source", s.Source)
		if open {
			l.some("plugin.name", s.Plugin)
			l.some("marketplace.name", s.Marketplace)
		}
	})
}

func (pl *player) compaction(a *world.Act) {
	c := a.Compaction
	pl.event(a, a.At, "compaction", pl.root(a), func(l *attributes) {
		l.str("trigger", c.Trigger)
		l.yes("success", c.Success)
		l.digits("duration_ms", c.Duration.Milliseconds())
		l.digits("pre_tokens", c.Before)
		if c.Success {
			l.digits("post_tokens", c.After)
		}
		l.some("error", c.ErrorText)
	})
}

func (pl *player) login(a *world.Act) {
	pl.event(a, a.At, "auth", "", func(l *attributes) {
		l.str("action", "login")
		l.str("success", "true")
		l.str("auth_method", "claude.ai")
	})
}

func (pl *player) install(a *world.Act) {
	p := a.Plugin
	pl.event(a, a.At, "plugin_installed", pl.root(a), func(l *attributes) {
		l.yes("marketplace.is_official", p.Official)
		l.str("install.trigger", map[bool]string{true: "ui", false: "cli"}[pl.p.Interactive])
		if pl.ownName(p) {
			l.str("plugin.name", p.Name)
			l.some("plugin.version", p.Version)
			l.str("marketplace.name", p.Marketplace)
		}
	})
}

func (pl *player) agent(a *world.Act) {
	g := a.Agent
	span := pl.root(a)
	if call := pl.calls[a.Keys.ToolUse]; call != nil && call.Keys.Span != "" {
		span = execution(call.Keys.Span)
	}
	kind := agentName(g.Type, g.BuiltIn || pl.p.Client.Gates.ToolDetails)
	pl.event(a, a.At, "subagent_completed", span, func(l *attributes) {
		l.str("agent_type", kind)
		l.str("agent.source", map[bool]string{true: "built-in", false: "projectSettings"}[g.BuiltIn])
		l.bool("is_built_in", g.BuiltIn)
		l.bool("is_async", g.Async)
		l.int("total_tokens", g.Tokens)
		l.int("total_tool_uses", int64(g.ToolUses))
		l.int("duration_ms", g.Duration.Milliseconds())
		l.str("model", g.Model)
		l.str("final_model", g.Model)
		l.bool("model_swapped", false)
		l.some("agent_id", a.Keys.Agent)
	})
}

func agentName(name string, open bool) string {
	if open {
		return name
	}
	return "custom"
}
