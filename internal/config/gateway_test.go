package config_test

import (
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/config"
)

func TestGatewayIsValidated(t *testing.T) {
	t.Parallel()
	f := func(file, wrong string) {
		t.Helper()
		c, err := config.Parse([]byte(file))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		err = c.Validate()
		if wrong == "" && err != nil || wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)) {
			t.Errorf("%s\n%v, want %q", file, err, wrong)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("a secret is told: %v", err)
		}
	}
	f("gateway: {record: {max_waiting: 100, max_waiting_bytes: 1000000}}", "")
	f("gateway: {record: {max_waiting: -1}}", "gateway.record")
	f("gateway: {}", "")
	f("gateway: {upstream: 'http://127.0.0.1:9/base', redact: true, max_held: 2000000}", "")
	f("gateway: {upstream: 'http://api.example'}", "gateway.upstream: want https, so that")
	f("gateway: {upstream: 'https://user:canary@api.example'}", "gateway.upstream")
	f("gateway: {upstream: 'https://api.example?x=canary'}", "gateway.upstream")
	f("gateway: {max_held: 5}", "gateway.max_held")
	f("gateway: {tls: {cert: x}}", "gateway.tls")
	f("gateway: {tokens: [{name: a, env: X}, {name: a, file: y}]}", "gateway.tokens[1].name")
	f("gateway: {tokens: [{name: a}]}", "gateway.tokens[0]: name a file")
	f("gateway: {credentials: {supply: [{name: a}]}}", "gateway.credentials.supply[0]")
	f("gateway: {credentials: {supply: [{env: A, file: b, name: c}]}}", "gateway.credentials.supply[0]")
	f("gateway: {credentials: {pinned: [{name: a, hash: sk-ant-canary}]}}", "gateway.credentials.pinned[0]")
	f("gateway: {credentials: {allowed_orgs: ['a,b']}}", "gateway.credentials.allowed_orgs[0]")
	f("listen: {gateway: '0.0.0.0:1'}", "listen.gateway")
	f("listen: {gateway: 'x'}", "listen.gateway")
	f("listen: {gateway: '0.0.0.0:1'}\ngateway: {tls: {cert: c, key: k}, tokens: [{name: a, env: X}]}", "")
	f("gateway: {tokens: [{name: laptops, env: X}]}\ncapture: {rules: [{credential: [laptops], keep: metadata}]}", "")
}

// TestGatewayEnvironment: what tests and first runs rely on.
func TestGatewayEnvironment(t *testing.T) {
	t.Parallel()
	c, addr := config.Default(), ""
	c.Environment(func(name string) string {
		return map[string]string{"TRIPOD_GATEWAY_UPSTREAM": "http://127.0.0.1:9"}[name]
	})
	if c.Gateway.Upstream != "http://127.0.0.1:9" || c.Listen.Gateway != "127.0.0.1:8481" {
		t.Errorf("upstream %q, listener %q", c.Gateway.Upstream, c.Listen.Gateway)
	}
	if c.Override(config.Overrides{ListenGateway: &addr}); c.Listen.Gateway != "" {
		t.Errorf("listener %q", c.Listen.Gateway)
	}
}
