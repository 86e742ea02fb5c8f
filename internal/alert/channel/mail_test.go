package channel_test

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/tripod-audit/tripod/internal/alert"
	"github.com/tripod-audit/tripod/internal/forward"
)

// mailbox is a real SMTP server that keeps what it gets.
type mailbox struct {
	mu   sync.Mutex
	got  []string
	fail error
}

func (m *mailbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &mailSession{mailbox: m}, nil }

type mailSession struct {
	mailbox *mailbox
	known   bool
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }
func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if s.known = user == "tripod" && password == "made-up-password"; !s.known {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

func (s *mailSession) Mail(string, *smtp.MailOptions) error {
	if !s.known {
		return smtp.ErrAuthRequired
	}
	return nil
}
func (s *mailSession) Rcpt(string, *smtp.RcptOptions) error { return s.mailbox.fail }
func (s *mailSession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.mailbox.mu.Lock()
	defer s.mailbox.mu.Unlock()
	s.mailbox.got = append(s.mailbox.got, string(b))
	return err
}
func (s *mailSession) Reset()        {}
func (s *mailSession) Logout() error { return nil }

// newMailbox starts a server; without TLS it offers no STARTTLS.
func newMailbox(t *testing.T, secure bool) (m *mailbox, addr, ca string) {
	t.Helper()
	m = &mailbox{}
	server := smtp.NewServer(m)
	server.Domain = "localhost"
	web := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(web.Close)
	ca = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if secure {
		server.TLSConfig = &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(ln) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return m, ln.Addr().String(), ca
}

func TestMail(t *testing.T) {
	t.Setenv("MAIL_PASSWORD", "made-up-password")
	box, addr, ca := newMailbox(t, true)
	cfg := alert.Mail{Server: addr, From: "tripod@example.com", To: []string{"soc@example.com"}, User: "tripod", Password: forward.Secret{Env: "MAIL_PASSWORD"}, TLS: forward.TLS{CA: ca, ServerName: "example.com"}}
	c := open(t, alert.ChannelConfig{Mail: &cfg})
	for range 2 { // sent again it is the same message
		if err := c.Send(t.Context(), message(alert.Opened)); err != nil {
			t.Fatal(err)
		}
	}
	if len(box.got) != 2 || box.got[0] != box.got[1] {
		t.Fatalf("got %q", box.got)
	}
	got, err := mail.ReadMessage(strings.NewReader(box.got[0]))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"Subject": "[high] SSO was turned off (3 times)", "Message-Id": "<" + strings.Repeat("0f", 16) + "@example.com>", "Bcc": ""} {
		if h := got.Header.Get(name); h != want {
			t.Errorf("%s: %q, want %q", name, h, want)
		}
	}
	box.fail = &smtp.SMTPError{Code: 550, Message: "no such box"}
	var refused *alert.RefusedError
	if err := c.Send(t.Context(), message(alert.Opened)); !errors.As(err, &refused) {
		t.Errorf("550: %v", err)
	}
	box.fail = &smtp.SMTPError{Code: 451, Message: "later"}
	if err := c.Send(t.Context(), message(alert.Opened)); err == nil || errors.As(err, &refused) {
		t.Errorf("451: %v", err)
	}
}

func TestMailWantsTLS(t *testing.T) {
	t.Setenv("MAIL_PASSWORD", "made-up-password")
	box, addr, _ := newMailbox(t, false)
	cfg := alert.Mail{Server: addr, From: "tripod@example.com", To: []string{"soc@example.com"}, User: "tripod", Password: forward.Secret{Env: "MAIL_PASSWORD"}}
	c := open(t, alert.ChannelConfig{Mail: &cfg})
	if err := c.Send(t.Context(), message(alert.Opened)); err == nil || len(box.got) > 0 {
		t.Errorf("it was sent in the clear: %v", err)
	}
}
