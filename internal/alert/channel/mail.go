package channel

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/alert"
	"github.com/tripod-audit/tripod/internal/forward"
)

// mail sends plain text over SMTP, never without TLS. The Message-ID is that of the message, so who gets it twice can tell; what follows about an alert
// refers to the alert, so that readers show one thread.
type mail struct {
	cfg      alert.Mail
	host     string
	implicit bool // TLS from the beginning
	password key
	tls      *tls.Config
	origin   string
}

func newMail(cfg alert.Mail, d Deps) (alert.Channel, error) {
	host, port, err := net.SplitHostPort(cfg.Server)
	if err != nil {
		return nil, fmt.Errorf("mail.server: %w: want host:port", err)
	}
	conf, err := cfg.TLS.Config()
	if err != nil {
		return nil, err
	}
	if conf.ServerName == "" {
		conf.ServerName = host
	}
	return &mail{cfg: cfg, host: host, implicit: port == "465", password: key{from: cfg.Password}, tls: conf, origin: d.Origin}, nil
}

// Traits implements alert.Channel.
func (m *mail) Traits() alert.Traits { return alert.Traits{Every: time.Second} }

// Close implements alert.Channel.
func (m *mail) Close() error { return nil }

// Send implements alert.Channel.
func (m *mail) Send(ctx context.Context, msg alert.Message) (err error) {
	conn, err := m.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	c, err := smtp.NewClient(conn, m.host)
	if err != nil {
		return reply(err)
	}
	if !m.implicit {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return &forward.AuthError{Err: errors.New("the server offers no STARTTLS: alerts are not sent in the clear")}
		}
		if err := c.StartTLS(m.tls); err != nil {
			return fmt.Errorf("starttls: %w", err)
		}
	}
	if m.cfg.User != "" {
		password, err := m.password.read(ctx)
		if err != nil {
			return err
		}
		if err := c.Auth(smtp.PlainAuth("", m.cfg.User, password.Reveal(), m.host)); err != nil {
			return m.password.forget(&forward.AuthError{Err: reply(err)})
		}
	}
	if err := m.deliver(c, &msg); err != nil {
		return err
	}
	_ = c.Quit() // it is accepted; how the server says good-bye changes nothing
	return nil
}

func (m *mail) dial(ctx context.Context) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if m.implicit {
		conn, err := (&tls.Dialer{NetDialer: dialer, Config: m.tls}).DialContext(ctx, "tcp", m.cfg.Server)
		if err != nil {
			return nil, fmt.Errorf("connect: %w", err)
		}
		return conn, nil
	}
	conn, err := dialer.DialContext(ctx, "tcp", m.cfg.Server)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}

func (m *mail) deliver(c *smtp.Client, msg *alert.Message) error {
	if err := c.Mail(m.cfg.From); err != nil {
		return reply(err)
	}
	for _, to := range m.cfg.To {
		if err := c.Rcpt(to); err != nil {
			return reply(err)
		}
	}
	w, err := c.Data()
	if err != nil {
		return reply(err)
	}
	if _, err := w.Write(m.text(msg)); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return reply(w.Close())
}

// reply tells an answer that is final, 5xx (RFC 5321, section 4.2.1), from one that is not.
func reply(err error) error {
	var answer *textproto.Error
	if errors.As(err, &answer) && answer.Code >= 500 {
		return &alert.RefusedError{Err: fmt.Errorf("the server answers %d", answer.Code)}
	}
	if errors.As(err, &answer) {
		return fmt.Errorf("the server answers %d", answer.Code)
	}
	return err
}

// text is the message as it is sent. Nothing of a record gets into a header: the subject names rule, severity and count.
func (m *mail) text(msg *alert.Message) []byte {
	var b strings.Builder
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	domain := m.cfg.From[strings.LastIndexByte(m.cfg.From, '@')+1:]
	header("From", m.cfg.From)
	header("To", strings.Join(m.cfg.To, ",\r\n "))
	header("Subject", mime.QEncoding.Encode("utf-8", cut(msg.Subject(), 200)))
	header("Date", msg.Alert.Latest.Format(time.RFC1123Z))
	header("Message-ID", "<"+msg.ID+"@"+domain+">")
	header("References", "<alert-"+msg.Alert.ID+"@"+domain+">")
	header("Auto-Submitted", "auto-generated")
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	body := quotedprintable.NewWriter(&b)
	_, _ = body.Write([]byte(strings.ReplaceAll(m.body(msg), "\n", "\r\n"))) // a strings.Builder does not fail
	_ = body.Close()
	return []byte(b.String())
}

func (m *mail) body(msg *alert.Message) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s", msg.Sentence())
	line("")
	line("Rule:      %s (%s)", msg.Rule.Title, msg.Alert.Rule)
	line("Severity:  %s", msg.Alert.Severity)
	line("State:     %s", msg.Alert.State)
	line("Fired:     %d times, last %s UTC", msg.Alert.Count, msg.Alert.At.Format("2006-01-02 15:04:05"))
	if msg.By != "" {
		line("By:        %s", msg.By)
	}
	if msg.URL != "" {
		line("Open it:   %s", msg.URL)
	}
	section := func(title string, list []string) {
		if len(list) > 0 {
			line("\n%s", title)
			for _, s := range list {
				line("- %s", s)
			}
		}
	}
	if msg.Rule.Why != "" {
		line("\n%s", msg.Rule.Why)
	}
	section("It may be harmless:", msg.Rule.Benign)
	section("What to do:", msg.Rule.Respond)
	line("\nAlert %s of %s", msg.Alert.ID, m.origin)
	return b.String()
}
