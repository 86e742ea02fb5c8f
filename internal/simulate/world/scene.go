package world

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// scene tells one line of work: the processes of one account on one project, from the first start on. It has chance and
// ids of its own, so nothing that happens elsewhere changes it.
type scene struct {
	w    *World
	d    dice
	name string // of the scene, unique in a world
	code string // digest of the name: the middle of the ids of its acts
	n    int    // acts so far

	p        *Process
	runs     int // processes so far
	now      time.Time
	surface  audit.Surface
	session  string
	prompt   string
	trace    string
	root     string // span of the prompt
	mode     string
	context  int64 // tokens the model is given with each request
	consumed string
	lang     string
	words    map[string]string
	hurry    bool // one looks on
	sure     bool // nothing gets in the way
	remote   bool // it runs at the vendor's
	away     []absent
	incident Incident

	acts []Act
}

func (w *World) scene(d dice, name string, at time.Time) *scene {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s", w.seed, name))
	return &scene{w: w, d: d, name: name, code: hex.EncodeToString(sum[:6]), now: at, words: map[string]string{}}
}

// add tells an act that happened at a time, with the keys it has so far.
func (s *scene) add(at time.Time, a Act) *Act {
	a.ID = fmt.Sprintf("act_%s_%05d", s.code, s.n)
	s.n++
	a.At, a.Account, a.Device, a.Surface, a.Process = at, s.p.Account, s.p.Device, s.surface, s.p
	a.Keys.Session = s.session
	if a.Keys.Prompt == "" {
		a.Keys.Prompt = s.prompt
	}
	if s.p.traced(a.Kind) {
		a.Keys.Trace = s.trace
		if a.Keys.Span == "" {
			a.Keys.Span = s.d.hex(16)
		}
		if a.Keys.ParentSpan == "" && a.Keys.Span != s.root {
			a.Keys.ParentSpan = s.root
		}
	} else {
		a.Keys.Span, a.Keys.ParentSpan = "", ""
	}
	a.Incident = s.incident
	a.Seen = s.p.witnesses(&a)
	s.acts = append(s.acts, a)
	return &s.acts[len(s.acts)-1]
}

// begin starts a process. A fresh one has a session of its own; otherwise the scene's goes on.
func (s *scene) begin(dev *Device, project *Project, how string) {
	s.runs++
	a := dev.Owner
	team := setups[a.Team]
	p := &Process{
		ID: "proc_" + s.d.hex(16), Account: a, Claims: a, Device: dev, Client: dev.Client, Start: s.now, Begin: how, Project: project, Key: a.Key,
		Interactive: dev.Client.Product == ClaudeCode && !a.Service, Live: s.hurry,
	}
	s.lang = languageOf(a)
	s.surface = audit.SurfaceClaudeCode
	if dev.Client.Product == Cowork {
		s.surface = audit.SurfaceCowork
	}
	if s.remote {
		s.surface = audit.SurfaceCoworkRemote
	}
	for _, name := range team.servers {
		// What is of the project serves where a repository is open; connectors serve Cowork.
		if srv := s.w.server(name); dev.Client.Product == ClaudeCode != (srv.Scope == "dynamic") {
			p.Servers = append(p.Servers, srv)
		}
	}
	if dev.Client.Product == ClaudeCode && since(dev.Client.Version, firstRegister) {
		p.Plugins = append(p.Plugins, bundled)
		for _, name := range team.plugins {
			p.Plugins = append(p.Plugins, plugins[name])
		}
	}
	if team.managed && dev.Client.Product == ClaudeCode {
		p.Managed = []string{map[string]string{"darwin": "mdm", "windows": "remote", "linux": "file"}[dev.OSType]}
		if since(dev.Client.Version, firstRegister) {
			p.Hooks = policyHooks
		}
	}
	s.p = p
	if how == "fresh" {
		s.session = s.d.uuid()
		s.context = int64(s.d.between(11_000, 24_000))
	}
	s.prompt, s.trace, s.root, s.mode = "", "", "", "default"
	s.add(s.now, Act{Kind: Start})
	s.connect()
}

// connect brings up the MCP servers, each in its own time.
func (s *scene) connect() {
	ready := s.now
	for _, srv := range s.p.Servers {
		c := &ConnectionAct{Server: srv, Status: "connected", Duration: s.d.skew(20*time.Millisecond, 2*time.Second)}
		if s.d.chance(12) && !s.sure {
			c.Status, c.Code, c.Error = "failed", "ETIMEDOUT", "MCP server \""+srv.Name+"\" connection timed out after 30000ms"
			c.Duration = 30 * time.Second
			if srv.Transport == "stdio" {
				c.Code, c.Error, c.Duration = "ENOENT", "spawn "+srv.Name+" ENOENT", s.d.span(10*time.Millisecond, 60*time.Millisecond)
			}
		}
		at := s.now.Add(s.d.span(80*time.Millisecond, 400*time.Millisecond) + c.Duration)
		s.add(at, Act{Kind: Connection, Connection: c})
		if c.Status == "connected" && at.After(ready) {
			ready = at
		}
	}
	s.now = ready.Add(s.d.span(300*time.Millisecond, time.Second))
}

// connected is the server of a name if the process has it and it came up.
func (s *scene) connected(name string) *Server {
	for _, a := range slices.Backward(s.acts) {
		if a.Process == s.p && a.Kind == Connection && a.Connection.Server.Name == name {
			if a.Connection.Status == "connected" {
				return a.Connection.Server
			}
			return nil
		}
	}
	return nil
}

// end lets the process end in order.
func (s *scene) end() {
	for _, a := range s.acts { // a server that does not answer is waited for to the last
		if a.At.After(s.now) {
			s.now = a.At
		}
	}
	s.now = s.now.Add(s.wait(2*time.Second, 40*time.Second))
	for _, srv := range s.p.Servers {
		if s.connected(srv.Name) != nil {
			s.add(s.now, Act{Kind: Connection, Connection: &ConnectionAct{Server: srv, Status: "disconnected", Duration: s.now.Sub(s.p.Start)}})
			s.now = s.now.Add(s.d.span(2*time.Millisecond, 9*time.Millisecond))
		}
	}
	s.add(s.now, Act{Kind: Stop})
}

// clear is what /clear does: another session in the same process.
func (s *scene) clear() {
	s.now = s.now.Add(s.wait(3*time.Second, 30*time.Second))
	s.session, s.prompt, s.trace, s.root = s.d.uuid(), "", "", ""
	s.context = int64(s.d.between(11_000, 24_000))
	s.ask("", &PromptAct{Text: "/clear", Command: "clear", CommandSource: "builtin"})
}

// wait is how long people take; where one looks on, not longer than one watches.
func (s *scene) wait(lo, hi time.Duration) time.Duration {
	if s.hurry {
		hi = min(hi, 9*time.Second)
		lo = min(lo, 2*time.Second)
	}
	return s.d.skew(lo, hi)
}

// machine is how long machines take.
func (s *scene) machine(lo, hi time.Duration) time.Duration {
	if s.hurry {
		hi = min(hi, 4*time.Second)
		lo = min(lo, 500*time.Millisecond)
	}
	return s.d.skew(lo, hi)
}

// ask gives the client a prompt: everything until the next belongs to it.
func (s *scene) ask(agent string, p *PromptAct) {
	s.prompt, s.trace, s.root = s.d.uuid(), s.d.hex(32), s.d.hex(16)
	s.add(s.now, Act{Kind: Prompt, Prompt: p, Keys: audit.Keys{Message: s.d.uuid(), Span: s.root, Agent: agent}})
	if !p.Automatic && s.p.Managed != nil && s.p.Hooks != nil && s.p.Account.Team == security {
		s.hook("UserPromptSubmit", "UserPromptSubmit", "", 0)
	}
}

// hook lets the enterprise's hooks run for an event of the client. The act's time is when they were done.
func (s *scene) hook(event, name, toolUse string, blocking int) {
	took := s.d.skew(15*time.Millisecond, 180*time.Millisecond)
	s.now = s.now.Add(took)
	s.add(s.now, Act{
		Kind: Hook, Keys: audit.Keys{ToolUse: toolUse},
		Hook: &HookAct{Event: event, Name: name, Source: "policySettings", Count: 1, Blocking: blocking, Duration: took},
	})
}

// switchMode changes the permission mode.
func (s *scene) switchMode(to, trigger string) {
	if s.mode == to {
		return
	}
	s.now = s.now.Add(s.wait(time.Second, 8*time.Second))
	s.add(s.now, Act{Kind: Mode, Mode: &ModeAct{From: s.mode, To: to, Trigger: trigger}})
	s.mode = to
}

// dark takes from a source all it should have reported of this process from one time on and before another.
func (s *scene) dark(i Incident, source audit.Source, from, to time.Time) {
	if s.w.without[i] {
		return
	}
	for n := range s.acts {
		a := &s.acts[n]
		if a.Process != s.p || a.At.Before(from) || !a.At.Before(to) {
			continue
		}
		if at := slices.Index(a.Seen, source); at >= 0 {
			a.Seen = slices.Delete(slices.Clone(a.Seen), at, at+1)
			a.Missed = append(a.Missed, source)
			a.Incident = i
		}
	}
}
