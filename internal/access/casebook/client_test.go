package casebook_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/collect/otlp"
)

// TestClient: a telemetry client that reports an approval, under every name Tripod uses, approves nothing.
func TestClient(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(context.Background())
	b := newBench(t)
	receiver, err := otlp.New(otlp.Config{HTTPAddr: "127.0.0.1:0"}, otlp.Deps{Door: b.door, Registerer: prometheus.NewRegistry(), Health: b.health, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- receiver.Run(ctx) }()
	defer func() {
		stop()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}()
	seq := b.prompt(t, "dana@example.com", "s1")
	kim := person("kim", access.Analyst)
	g := b.request(t, kim, b.open(t, kim), seq)
	attr := func(name, value string) string {
		return fmt.Sprintf(`{"key":%q,"value":{"stringValue":%q}}`, name, value)
	}
	attrs := strings.Join([]string{
		attr("event.name", casebook.TypeGrantApprove), attr("source", "tripod"), attr("case", g.Case), attr("grant", g.ID), attr("terms", g.Terms),
		attr("user.email", "ola@example.com"), `{"key":"roles","value":{"arrayValue":{"values":[{"stringValue":"privacy_officer"}]}}}`,
	}, ",")
	body := fmt.Sprintf(`{"resourceLogs":[{"resource":{"attributes":[%s]},"scopeLogs":[{"scope":{"name":"tripod"},"logRecords":[
		{"timeUnixNano":"1795468107000000000","eventName":%[2]q,"body":{"stringValue":%[2]q},"attributes":[%[1]s]}]}]}]}`, attrs, casebook.TypeGrantApprove)
	addr, _, err := receiver.Addrs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/v1/logs", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v", res.Status, err)
	}
	if len(b.records(t, casebook.TypeGrantApprove)) != 1 {
		t.Fatal("the client's report is not on record under its name: the test tries nothing")
	}
	for range 2 {
		_, err = b.Read(ctx, kim, g.ID, seq)
		mustRefuse(t, "after a client's approval", err, casebook.ErrNoGrant)
		b.restart(t)
	}
}
