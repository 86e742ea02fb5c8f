package caller_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/credential"
	"github.com/tripod-audit/tripod/internal/enforce/caller"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/secret"
)

func deps() caller.Deps {
	return caller.Deps{Logger: slog.New(slog.DiscardHandler), Health: new(health.Registry)}
}

func token(name, value string) credential.Token {
	return credential.Token{Name: name, Token: secret.New(value), Proves: audit.Identity{Email: name + "@example.com"}}
}

// TestRefusesToServeEverybody: beyond loopback nobody is served without TLS and a credential.
func TestRefusesToServeEverybody(t *testing.T) {
	t.Parallel()
	cert, key, _ := certificate(t, "gateway.example", nil)
	tests := map[string]struct {
		cfg  caller.Config
		fine bool
	}{
		"loopback":           {caller.Config{Addr: "127.0.0.1:1"}, true},
		"loopback six":       {caller.Config{Addr: "[::1]:1"}, true},
		"everywhere":         {caller.Config{Addr: "0.0.0.0:1"}, false},
		"no host":            {caller.Config{Addr: ":1"}, false},
		"a name":             {caller.Config{Addr: "gateway.example:1"}, false},
		"without tls":        {caller.Config{Addr: "0.0.0.0:1", Tokens: []credential.Token{token("a", "secret")}}, false},
		"without credential": {caller.Config{Addr: "0.0.0.0:1", CertFile: cert, KeyFile: key}, false},
		"with both":          {caller.Config{Addr: "0.0.0.0:1", CertFile: cert, KeyFile: key, Tokens: []credential.Token{token("a", "secret")}}, true},
		"with a client ca":   {caller.Config{Addr: "0.0.0.0:1", CertFile: cert, KeyFile: key, ClientCAFile: cert}, true},
		"half of tls":        {caller.Config{Addr: "127.0.0.1:1", CertFile: cert}, false},
		"a ca without tls":   {caller.Config{Addr: "127.0.0.1:1", ClientCAFile: cert}, false},
		"no such file":       {caller.Config{Addr: "127.0.0.1:1", CertFile: cert + "x", KeyFile: key}, false},
		"an empty token":     {caller.Config{Addr: "127.0.0.1:1", Tokens: []credential.Token{token("a", "")}}, false},
		"no name":            {caller.Config{Addr: "127.0.0.1:1", Tokens: []credential.Token{token("", "secret")}}, false},
		"one token twice":    {caller.Config{Addr: "127.0.0.1:1", Tokens: []credential.Token{token("a", "canary"), token("b", "canary")}}, false},
	}
	for name, test := range tests {
		_, err := caller.New(test.cfg, deps())
		if (err == nil) != test.fine {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: the error says the token: %v", name, err)
		}
	}
}

func TestReload(t *testing.T) {
	t.Parallel()
	cert, key, _ := certificate(t, "gateway.example", nil)
	g, err := caller.New(caller.Config{Addr: "0.0.0.0:1", CertFile: cert, KeyFile: key, Tokens: []credential.Token{token("a", "first")}}, deps())
	if err != nil {
		t.Fatal(err)
	}
	who := func(sent ...string) string {
		r := httptest.NewRequest(http.MethodPost, "/v1/messages", nil)
		for _, s := range sent {
			r.Header.Add(caller.Header, s)
		}
		c, err := g.Identify(r)
		var refused *caller.Refusal
		if errors.As(err, &refused) {
			return http.StatusText(refused.Status)
		}
		return c.Credential + " " + c.Proved.Email + " " + c.IP
	}
	try := func(want string, sent ...string) {
		t.Helper()
		if got := who(sent...); got != want {
			t.Errorf("%q: %q, want %q", sent, got, want)
		}
	}
	try("a a@example.com 192.0.2.1", "first")
	try("Unauthorized", "second")
	try("Unauthorized", "first", "first")
	try("Unauthorized")
	if err := g.Reload(nil); err == nil {
		t.Error("a listener beyond loopback was left without credentials")
	}
	if err := os.WriteFile(cert, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := g.Reload([]credential.Token{token("b", "second")}); err == nil {
		t.Error("a certificate that is none was taken")
	}
	try("a a@example.com 192.0.2.1", "first") // what is refused changes nothing
	fresh, freshKey, _ := certificate(t, "gateway.example", nil)
	for from, to := range map[string]string{fresh: cert, freshKey: key} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Reload([]credential.Token{token("b", "second")}); err != nil {
		t.Fatal(err)
	}
	try("Unauthorized", "first")
	try("b b@example.com 192.0.2.1", "second")
}

// TestCertificates: a client certificate names its bearer, and there is no handshake without one.
func TestCertificates(t *testing.T) {
	t.Parallel()
	cert, key, parent := certificate(t, "127.0.0.1", nil)
	clientCert, clientKey, _ := certificate(t, "laptop-7", parent)
	g, err := caller.New(caller.Config{Addr: "127.0.0.1:1", CertFile: cert, KeyFile: key, ClientCAFile: cert}, deps())
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := g.Identify(r)
		if err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, who.Credential+" "+who.Proved.Email)
	}))
	s.TLS = g.TLS()
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	s.StartTLS()
	t.Cleanup(s.Close)
	pair, err := tls.LoadX509KeyPair(clientCert, clientKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, certificates := range [][]tls.Certificate{{pair}, nil} {
		tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: certificates}} // whose the server is, is not asked here
		t.Cleanup(tr.CloseIdleConnections)
		res, err := (&http.Client{Transport: tr}).Get(s.URL)
		if certificates == nil {
			if err == nil {
				res.Body.Close()
				t.Error("a caller without a certificate was let in")
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || string(b) != "laptop-7 laptop-7@example.com" {
			t.Errorf("%q %v", b, err)
		}
	}
}

type signer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// certificate makes one, signed by parent or by itself, and writes it and its key to files.
func certificate(t *testing.T, name string, parent *signer) (cert, key string, self *signer) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: parent == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, EmailAddresses: []string{name + "@Example.com"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if parent == nil {
		parent = &signer{template, private}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.cert, &private.PublicKey, parent.key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key, &signer{parsed, private}
}
