package siem_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/simulate/siem"
)

// ask posts to a receiver and gives status and body.
func ask(t *testing.T, s *siem.SIEM, path string, header map[string]string, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, strings.TrimSpace(w.Body.String())
}

func TestSplunkAcknowledges(t *testing.T) {
	t.Parallel()
	s := siem.New(siem.Options{})
	f := func(path, token, channel, body string, status int, want string) {
		t.Helper()
		header := map[string]string{"Authorization": token}
		if channel != "" {
			header["X-Splunk-Request-Channel"] = channel
		}
		if code, got := ask(t, s, path, header, body); code != status || got != want {
			t.Errorf("%s %s: %d %s", path, body, code, got)
		}
	}
	const event, ack, token = "/services/collector/event", "/services/collector/ack", "Splunk " + siem.FakeAckToken
	f(event, "", "", "", 401, `{"text":"Token is required","code":2}`)
	f(event, "Splunk other", "", "", 403, `{"text":"Invalid token","code":4}`)
	f(event, token, "", `{"event":{}}`, 400, `{"text":"Data channel is missing","code":10}`)
	f(event, token, "c1", `{"event":{},"fields":{"tripod_id":"a"}}`, 200, `{"text":"Success","code":0,"ackId":0}`)
	f(event, token, "c1", `{"event":{},"fields":{"tripod_id":"b"}}{"event":{},"fields":{"tripod_id":"a"}}`, 200, `{"text":"Success","code":0,"ackId":1}`)
	f(ack, token, "c1", `{"acks":[0]}`, 200, `{"acks":{"0":false}}`)
	f(ack, token, "c1", `{"acks":[0,1,7]}`, 200, `{"acks":{"0":true,"1":false,"7":false}}`)
	f(ack, token, "c1", `{"acks":[0,1]}`, 200, `{"acks":{"0":false,"1":true}}`) // forgotten once it was read
	f(ack, token, "c2", `{"acks":[1]}`, 200, `{"acks":{"1":false}}`)
	f(event, token, "c1", `{"event":{},"fields":{"tripod_id":"c"}}`, 200, `{"text":"Success","code":0,"ackId":2}`)
	s.Restart()
	for range 3 {
		f(ack, token, "c1", `{"acks":[2]}`, 200, `{"acks":{"2":false}}`)
	}
	f(ack, "Splunk "+siem.FakeToken, "c1", `{"acks":[2]}`, 400, `{"text":"ACK is disabled","code":14}`)
	f(event, token, "c1", `{"event":{},"fields":{"tripod_id":"d"}}{"event":null}`, 400, `{"text":"Event field is required","code":12,"invalid-event-number":1}`)
	f(event, token, "c1", ``, 400, `{"text":"No data","code":5}`)
	want := siem.Counts{Items: 4, Duplicates: 1, Requests: 3, Faults: map[string]int{}}
	if diff := cmp.Diff(want, s.Counts(siem.SplunkAck)); diff != "" {
		t.Error(diff)
	}
}

func TestElasticByItem(t *testing.T) {
	t.Parallel()
	s := siem.New(siem.Options{})
	header := map[string]string{"Authorization": "ApiKey " + siem.FakeElasticKey}
	statuses := func(body string) (list []int) {
		t.Helper()
		code, got := ask(t, s, "/_bulk", header, body)
		var r struct {
			Items []map[string]struct{ Status int }
		}
		if err := json.Unmarshal([]byte(got), &r); code != 200 || err != nil {
			t.Fatalf("%d %s", code, got)
		}
		for _, i := range r.Items {
			list = append(list, i["create"].Status)
		}
		return list
	}
	const a, b, elsewhere = `{"create":{"_index":"i","_id":"a"}}` + "\n{}\n", `{"create":{"_index":"i","_id":"b"}}` + "\n{}\n", `{"create":{"_index":"j","_id":"a"}}` + "\n{}\n"
	if diff := cmp.Diff([]int{201, 201, 409}, statuses(a+b+a)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{201, 409}, statuses(elsewhere+b)); diff != "" { // an id is taken in its index only
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{400}, statuses(`{"create":{"_index":"i","_id":"x"}}`+"\n[]\n")); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"", "{}", a + "{}\n", `{"index":{"_index":"i"}}` + "\n{}\n"} {
		if code, _ := ask(t, s, "/_bulk", header, bad); code != 400 {
			t.Errorf("%q: %d", bad, code)
		}
	}
	if code, _ := ask(t, s, "/_bulk", nil, a); code != 401 {
		t.Errorf("without a key: %d", code)
	}
}

func TestDatadogCutsWithSuccess(t *testing.T) {
	t.Parallel()
	s := siem.New(siem.Options{})
	old := time.Now().Add(-20 * time.Hour).UnixMilli()
	b, err := json.Marshal([]map[string]any{
		{"tripod_id": "large", "event": strings.Repeat("x", 1_100_000)}, {"tripod_id": "old", "event": 1, "timestamp": old}, {"tripod_id": "good", "event": 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	if code, _ := ask(t, s, "/api/v2/logs", map[string]string{"DD-API-KEY": siem.FakeDatadogKey}, string(b)); code != 202 {
		t.Fatal(code)
	}
	want := siem.Counts{Items: 3, Truncated: 1, Restamped: 1, Requests: 1, Faults: map[string]int{}}
	if diff := cmp.Diff(want, s.Counts(siem.Datadog)); diff != "" {
		t.Error(diff)
	}
	many := "[" + strings.Repeat("{},", 1000) + "{}]"
	if code, _ := ask(t, s, "/api/v2/logs", map[string]string{"DD-API-KEY": siem.FakeDatadogKey}, many); code != 413 {
		t.Errorf("1,001 logs: %d", code)
	}
}

func TestFaultsFollowTheSeed(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) siem.Counts {
		s := siem.New(siem.Options{Seed: seed, Faults: siem.Faults{siem.Busy: 0.3, siem.Drop: 0.3}})
		for range 50 {
			ask(t, s, "/api/v2/logs", map[string]string{"DD-API-KEY": siem.FakeDatadogKey}, `[{"tripod_id":"a","event":1}]`)
		}
		return s.Counts(siem.Datadog)
	}
	if diff := cmp.Diff(run(3), run(3)); diff != "" {
		t.Error(diff)
	}
	if f := run(3).Faults; f["busy"] == 0 || f["drop"] == 0 || maps.Equal(f, run(4).Faults) {
		t.Errorf("faults %v", f)
	}
}

func TestFaultsText(t *testing.T) {
	t.Parallel()
	f := func(text string, good bool) {
		t.Helper()
		var faults siem.Faults
		if err := faults.UnmarshalText([]byte(text)); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
	f("lost=0.1", true)
	f("lost=0.1, busy=0.9", true)
	f("lost=0.6,busy=0.6", false)
	f("lost=NaN", false)
	f("lost=-1", false)
	f("none=1", false)
	f("", false)
}

func TestServer(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s, err := siem.Listen(ctx, "127.0.0.1:0", siem.Options{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	var line bytes.Buffer
	if err := s.Announce(&line); err != nil {
		t.Fatal(err)
	}
	var said struct{ URL string }
	if err := json.Unmarshal(line.Bytes(), &said); err != nil || bytes.Count(line.Bytes(), []byte("\n")) != 1 {
		t.Fatalf("%s: %v", line.Bytes(), err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, said.URL+"/held", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil || res.StatusCode != 200 || !bytes.Contains(b, []byte(`"splunk-ack"`)) {
		t.Errorf("%d %s %v", res.StatusCode, b, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
