package forward

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// TLS says how a receiver is known, and how we are.
type TLS struct {
	// CA is a PEM file of certificates to trust instead of the system's.
	CA string `yaml:"ca"`
	// Cert and Key are PEM files of a certificate to present.
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
	// ServerName is the name the receiver's certificate must have, where it is not the address's.
	ServerName string `yaml:"server_name"`
}

// Config reads the files. TLS 1.2 is the least.
func (t TLS) Config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("tls.ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls.ca: %s holds no certificate in PEM", t.CA)
		}
	}
	if (t.Cert == "") != (t.Key == "") {
		return nil, errors.New("tls: cert and key go together")
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("tls.cert: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// ClientOptions configure NewClient.
type ClientOptions struct {
	TLS TLS
	// Timeout of a request, with its answer; 0: 60 s.
	Timeout time.Duration
	// PublicOnly refuses to connect to addresses that are private, of this machine or of this link: for receivers that whoever
	// may write configuration could otherwise point at what only this machine reaches.
	PublicOnly bool
}

// NewClient makes a client for one receiver. It follows no redirect: what a redirect asks for is an answer like any other.
func NewClient(o ClientOptions) (*http.Client, error) {
	conf, err := o.TLS.Config()
	if err != nil {
		return nil, err
	}
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	if o.PublicOnly {
		dialer.ControlContext = publicOnly
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSClientConfig: conf, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 90 * time.Second, MaxIdleConnsPerHost: 16, ResponseHeaderTimeout: o.Timeout,
	}
	if o.PublicOnly {
		transport.Proxy = nil // a proxy would make the connection in our place, to wherever
	}
	return &http.Client{
		Transport: transport, Timeout: o.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// publicOnly looks at the address that is connected to, after its name was resolved.
func publicOnly(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", address, err)
	}
	if ip := at.Addr().Unmap(); !ip.IsGlobalUnicast() || ip.IsPrivate() || sharedSpace.Contains(ip) {
		return fmt.Errorf("connect to %s: the address is not a public one: set allow_private where that is meant", ip)
	}
	return nil
}

// sharedSpace is what carriers use between themselves and subscribers (RFC 6598).
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

func local(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// mostReason bounds what is read of an answer that says why not, in bytes.
const mostReason = 4 << 10

// Refusal turns an HTTP answer other than success into the error that Send returns for the whole batch, and nil for 2xx. It
// reads a little of the body for the reason, and closes nothing. A receiver may quote what it was sent, so no more than the
// status goes into the error.
//
// 401 and 403 are an *AuthError, 413 is ErrTooLarge, 408, 425, 429 and 5xx are a *RetryAfter, with the time that Retry-After
// gives; any other is an error that says nothing is known, since resending under the same ids does no harm.
func Refusal(res *http.Response) error {
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return nil
	}
	_, _ = io.CopyN(io.Discard, res.Body, mostReason) // lets the connection be used again
	err := fmt.Errorf("the receiver answers %d %s", res.StatusCode, http.StatusText(res.StatusCode))
	switch code := res.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return &AuthError{Err: err}
	case code == http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	case code == http.StatusRequestTimeout || code == http.StatusTooEarly || code == http.StatusTooManyRequests || code >= 500:
		return &RetryAfter{After: retryAfter(res.Header.Get("Retry-After"), time.Now()), Err: err}
	}
	return err
}

// mostWait bounds what a receiver may ask for.
const mostWait = time.Hour

// retryAfter reads the header of that name (RFC 9110, section 10.2.3); 0 where it says nothing that can be read.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if n, err := strconv.ParseUint(value, 10, 32); err == nil {
		return min(time.Duration(n)*time.Second, mostWait)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), mostWait)
	}
	return 0
}
