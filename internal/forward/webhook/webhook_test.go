package webhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/forward/forwardtest"
	"github.com/tripod-audit/tripod/internal/forward/webhook"
)

// Keys that look made up: 24 bytes each.
const (
	oldKey = "made-up-made-up-made-up-"
	newKey = "other-made-up-made-up-!!"
)

type receiver struct {
	url     string
	secrets []forward.Secret

	mu     sync.Mutex
	got    []string
	status int
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{status: http.StatusNoContent}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	r.url = s.URL
	for i, key := range []string{newKey, oldKey} {
		file := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(file, []byte("whsec_"+base64.StdEncoding.EncodeToString([]byte(key))+"\n"), 0o600); err != nil {
			t.Fatal(i, err)
		}
		r.secrets = append(r.secrets, forward.Secret{File: file})
	}
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	mac := hmac.New(sha256.New, []byte(oldKey))
	mac.Write([]byte(req.Header.Get("webhook-id") + "." + req.Header.Get("webhook-timestamp") + "."))
	mac.Write(body)
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); !strings.Contains(req.Header.Get("webhook-signature"), want) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.status == http.StatusFound {
		w.Header().Set("Location", r.url+"/elsewhere")
	}
	if r.status < 300 {
		for line := range bytes.Lines(body) {
			var l struct{ ID, Kind string }
			if err := json.Unmarshal(line, &l); err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			if l.Kind == "record" {
				r.got = append(r.got, l.ID)
			}
		}
	}
	w.WriteHeader(r.status)
}

func (r *receiver) Open(ctx context.Context) (forward.Sink, error) {
	return webhook.New(ctx, webhook.Config{URL: r.url, Secrets: r.secrets, AllowPrivate: true}, forward.SinkDeps{Version: "test"})
}

func (r *receiver) Received(context.Context) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got, nil
}

func TestConformance(t *testing.T) {
	t.Parallel()
	forwardtest.Run(t, forwardtest.Suite{Records: 1200}, func(t *testing.T) forwardtest.Receiver { return newReceiver(t) })
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	sink, err := r.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	send := func(status int) error {
		r.mu.Lock()
		r.status = status
		r.mu.Unlock()
		_, err := sink.Send(t.Context(), []forward.Item{{ID: "a", Kind: forward.KindRecord, Body: []byte(`{}`)}})
		return err
	}
	var auth *forward.AuthError
	var later *forward.RetryAfter
	if err := send(http.StatusForbidden); !errors.As(err, &auth) {
		t.Errorf("403: %v", err)
	}
	if err := send(http.StatusServiceUnavailable); !errors.As(err, &later) {
		t.Errorf("503: %v", err)
	}
	if err := send(http.StatusRequestEntityTooLarge); !errors.Is(err, forward.ErrTooLarge) {
		t.Errorf("413: %v", err)
	}
	if err := send(http.StatusFound); err == nil || len(r.got) > 0 {
		t.Errorf("302: %v, received %v: a redirect must not be followed", err, r.got)
	}
	if err := send(http.StatusOK); err != nil || len(r.got) != 1 {
		t.Errorf("200: %v, received %v", err, r.got)
	}
}

func TestPrivateTargetsAreRefused(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	sink, err := webhook.New(t.Context(), webhook.Config{URL: r.url, Secrets: r.secrets}, forward.SinkDeps{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = sink.Send(t.Context(), []forward.Item{{ID: "a", Body: []byte(`{}`)}})
	if err == nil || !strings.Contains(err.Error(), "allow_private") || len(r.got) > 0 {
		t.Errorf("Send to this machine: %v", err)
	}
}
