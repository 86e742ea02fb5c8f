package main

import (
	"math/rand/v2"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// session is one process of Claude Code. It goes on turn after turn, in the
// order and with the attributes that
// https://code.claude.com/docs/en/monitoring-usage describes for a client with
// OTEL_LOG_TOOL_DETAILS=1 and every other content variable unset.
type session struct {
	rng      *rand.Rand
	clock    time.Time
	id       string
	person   person
	terminal string
	repo     string

	prompt   string
	request  string
	sequence int64
	length   int64 // records after which the process ends
	pending  []event
}

// event is one log record before it is laid out; set adds what is its own.
type event struct {
	name   string
	prompt string
	set    func(pcommon.Map)
}

type person struct {
	installation, organization, email, account, accountID string
}

// newPerson gives the nth of a fixed set of people, the same in every
// workload.
func newPerson(n int) person {
	rng := rand.New(rand.NewPCG(0x7e09, uint64(n)))
	first, last := pick(rng, words), pick(rng, words)
	s := session{rng: rng}
	return person{
		installation: s.hex(64),
		organization: "6f0b2c1e-51d4-4c35-9a57-0f4c5a1d7be2",
		email:        first + "." + last + strconv.Itoa(n) + "@example.com",
		account:      uuid(rng),
		accountID:    "user_01" + base58(rng, 22),
	}
}

func newSession(rng *rand.Rand, now time.Time) *session {
	s := &session{
		rng:      rng,
		clock:    now.Add(-time.Minute - time.Duration(rng.Int64N(int64(time.Minute)))),
		id:       uuid(rng),
		person:   newPerson(rng.IntN(400)),
		terminal: pick(rng, terminals),
		repo:     "/home/" + pick(rng, words) + "/src/" + pick(rng, words) + "-" + pick(rng, words),
		length:   int64(60 + rng.IntN(240)),
	}
	s.begin()
	return s
}

func (s *session) over() bool { return s.sequence >= s.length }

// export appends the next n records under one resource.
func (s *session) export(rl plog.ResourceLogs, n int) {
	r := rl.Resource().Attributes()
	r.PutStr("host.arch", "amd64")
	r.PutStr("os.type", "linux")
	r.PutStr("os.version", "6.8.0-41-generic")
	r.PutStr("service.name", "claude-code")
	r.PutStr("service.version", clientVersion)
	sl := rl.ScopeLogs().AppendEmpty()
	sl.Scope().SetName(logScope)
	sl.Scope().SetVersion(clientVersion)
	sl.LogRecords().EnsureCapacity(n)
	for range n {
		if len(s.pending) == 0 {
			s.doTurn()
		}
		e := s.pending[0]
		s.pending = s.pending[1:]
		s.record(sl.LogRecords().AppendEmpty(), e)
	}
}

func (s *session) record(lr plog.LogRecord, e event) {
	s.clock = s.clock.Add(time.Duration(1+s.rng.IntN(40)) * time.Millisecond)
	t := s.clock.Truncate(time.Millisecond).UTC()
	lr.SetTimestamp(pcommon.NewTimestampFromTime(t))
	lr.SetObservedTimestamp(pcommon.NewTimestampFromTime(t))
	lr.Body().SetStr("claude_code." + e.name)
	a := lr.Attributes()
	a.EnsureCapacity(32)
	a.PutStr("user.id", s.person.installation)
	a.PutStr("session.id", s.id)
	a.PutStr("anthropic.provider", "firstParty")
	a.PutStr("organization.id", s.person.organization)
	a.PutStr("user.email", s.person.email)
	a.PutStr("user.account_uuid", s.person.account)
	a.PutStr("user.account_id", s.person.accountID)
	a.PutStr("terminal.type", s.terminal)
	a.PutStr("event.name", e.name)
	a.PutStr("event.timestamp", t.Format("2006-01-02T15:04:05.000Z"))
	a.PutInt("event.sequence", s.sequence)
	if e.prompt != "" {
		a.PutStr("prompt.id", e.prompt)
	}
	e.set(a)
	s.sequence++
}

func (s *session) add(name string, set func(pcommon.Map)) {
	s.pending = append(s.pending, event{name: name, prompt: s.prompt, set: set})
}

// begin queues what a process says before its first prompt.
func (s *session) begin() {
	s.add("managed_settings_resolved", func(a pcommon.Map) {
		a.PutStr("managed_settings.trigger", "startup")
		a.PutEmptySlice("managed_settings.sources").AppendEmpty().SetStr("remote")
		a.PutStr("managed_settings.source_behavior", "first-wins")
		a.PutStr("managed_settings.helper.state", "none")
		a.PutStr("managed_settings.helper.applied", "none")
	})
	hash := s.hex(16)
	s.add("plugin_loaded", func(a pcommon.Map) {
		a.PutStr("plugin.name", "cc-plugin-agents-md")
		a.PutStr("marketplace.name", "builtin")
		a.PutStr("plugin.scope", "default-bundle")
		a.PutStr("enabled_via", "default-enable")
		a.PutStr("plugin_id_hash", hash)
		a.PutBool("has_hooks", true)
		a.PutBool("has_mcp", false)
		a.PutBool("host_owned_mcp", false)
		a.PutInt("skill_path_count", 0)
		a.PutInt("command_path_count", 0)
		a.PutInt("agent_path_count", 0)
		a.PutStr("safe_mode", "false")
	})
	for _, hook := range []string{"UserPromptSubmit", "PreToolUse", "PostToolUse"} {
		s.add("hook_registered", func(a pcommon.Map) {
			a.PutStr("hook_event", hook)
			a.PutStr("hook_type", "command")
			a.PutStr("hook_source", "policySettings")
			a.PutStr("safe_mode", "false")
			a.PutStr("hook_matcher", "*")
		})
	}
	ms := strconv.Itoa(20 + s.rng.IntN(2000))
	s.add("mcp_server_connection", func(a pcommon.Map) {
		a.PutStr("status", "connected")
		a.PutStr("transport_type", "http")
		a.PutStr("server_scope", "user")
		a.PutStr("duration_ms", ms)
		a.PutBool("is_plugin", false)
		a.PutStr("server_name", "tracker")
	})
}

// doTurn queues one prompt and everything it brings about.
func (s *session) doTurn() {
	s.prompt = uuid(s.rng)
	length, message := strconv.Itoa(12+s.rng.IntN(900)), uuid(s.rng)
	s.add("user_prompt", func(a pcommon.Map) {
		a.PutStr("prompt_length", length)
		a.PutStr("prompt", "<REDACTED>")
		a.PutStr("prompt_text", "<REDACTED>")
		a.PutStr("message.uuid", message)
	})
	s.hooks("UserPromptSubmit", "UserPromptSubmit")
	for range 2 + s.rng.IntN(5) {
		s.apiRequest()
		if s.rng.IntN(2) == 0 {
			s.assistantResponse()
		}
		for range 1 + s.rng.IntN(2) {
			s.toolCall()
		}
	}
	s.apiRequest()
	s.assistantResponse()
}

func (s *session) apiRequest() {
	s.request = "req_011" + base58(s.rng, 21)
	in, out, read, wrote := s.rng.Int64N(400), 20+s.rng.Int64N(1500), 9000+s.rng.Int64N(90000), s.rng.Int64N(5000)
	micros := 3*in + 15*out + read/3 + 4*wrote
	ms, request := 600+s.rng.Int64N(18000), s.request
	s.add("api_request", func(a pcommon.Map) {
		a.PutStr("model", "claude-opus-5-5")
		a.PutInt("input_tokens", in)
		a.PutInt("output_tokens", out)
		a.PutInt("cache_read_tokens", read)
		a.PutInt("cache_creation_tokens", wrote)
		a.PutInt("cache_creation_5m_tokens", wrote)
		a.PutInt("cache_creation_1h_tokens", 0)
		a.PutDouble("cost_usd", float64(micros)/1e6)
		a.PutInt("cost_usd_micros", micros)
		a.PutInt("duration_ms", ms)
		a.PutInt("ttft_ms", ms/4)
		a.PutStr("request_id", request)
		a.PutStr("speed", "normal")
		a.PutStr("query_source", "repl_main_thread")
		a.PutStr("effort", "medium")
	})
}

func (s *session) assistantResponse() {
	length, message, request := 30+s.rng.Int64N(4000), uuid(s.rng), s.request
	s.add("assistant_response", func(a pcommon.Map) {
		a.PutInt("response_length", length)
		a.PutStr("response", "<REDACTED>")
		a.PutStr("request_id", request)
		a.PutStr("message.uuid", message)
		a.PutStr("model", "claude-opus-5-5")
		a.PutStr("query_source", "repl_main_thread")
	})
}

func (s *session) hooks(hook, name string) {
	start := func(a pcommon.Map) {
		a.PutStr("hook_event", hook)
		a.PutStr("hook_name", name)
		a.PutStr("num_hooks", "1")
	}
	end := func(a pcommon.Map) {
		a.PutStr("managed_only", "true")
		a.PutStr("hook_source", "policySettings")
		a.PutStr("safe_mode", "false")
	}
	s.add("hook_execution_start", func(a pcommon.Map) { start(a); end(a) })
	ms := strconv.Itoa(5 + s.rng.IntN(120))
	s.add("hook_execution_complete", func(a pcommon.Map) {
		start(a)
		a.PutStr("num_success", "1")
		a.PutStr("num_blocking", "0")
		a.PutStr("num_non_blocking_error", "0")
		a.PutStr("num_cancelled", "0")
		a.PutStr("total_duration_ms", ms)
		a.PutStr("stdout_chars", "0")
		a.PutStr("additional_context_chars", "0")
		a.PutStr("system_message_chars", "0")
		a.PutStr("initial_user_message_chars", "0")
		a.PutStr("num_outputs_persisted", "0")
		end(a)
	})
}
