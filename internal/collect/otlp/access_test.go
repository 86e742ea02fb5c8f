package otlp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp"
	"github.com/tripod-audit/tripod/internal/credential"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/secret"
)

func token(name, value string, proves audit.Identity) credential.Token {
	return credential.Token{Name: name, Token: secret.New(value), Proves: proves}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	api := token("platform", "canary-platform", audit.Identity{})
	api.Surface = audit.SurfaceAPI
	r := start(t, otlp.Config{Tokens: []credential.Token{
		token("dana-laptop", "canary-dana", audit.Identity{Email: "Dana@Example.com", Org: "o"}), token("bob-laptop", "canary-bob", audit.Identity{Email: "bob@example.com"}), api,
	}})
	client := plogotlp.NewGRPCClient(r.dial(t, nil))
	f := func(header string, code int, credential, flag string, surface audit.Surface) {
		t.Helper()
		var headers []string
		if header != "" {
			headers = []string{"Authorization", header}
		}
		res := r.post(t, "/v1/logs", jsonType, strings.NewReader(oneEvent), headers...)
		if res.code != code || strings.Contains(res.body, "canary") {
			t.Errorf("%q: %d %s", header, res.code, res.body)
		}
		_, err := client.Export(metadata.AppendToOutgoingContext(t.Context(), "authorization", header), event(t))
		if code == http.StatusUnauthorized {
			if !slices.ContainsFunc(r.health.Conditions(), func(c health.Condition) bool { return c.Code == "otlp.denied" }) {
				t.Errorf("%q: refused, and health does not say so", header)
			}
			if res.header.Get("WWW-Authenticate") == "" || status.Code(err) != codes.Unauthenticated || strings.Contains(err.Error(), "canary") {
				t.Errorf("%q: gRPC %v", header, err)
			}
			return
		}
		got := r.door.take()
		if err != nil || len(got) != 2 {
			t.Fatalf("%q: %d deliveries, %v", header, len(got), err)
		}
		for _, del := range got {
			rec := record(t, del)
			if del.Credential != credential || rec.Account.Proved.Credential != credential || rec.HasFlag(audit.FlagIdentityMismatch) != (flag != "") ||
				rec.Surface != surface || !strings.HasPrefix(rec.Container, "session/"+credential+"/") {
				t.Errorf("%q: delivered by %q: %s", header, del.Credential, rec.AppendCanonical(nil))
			}
		}
	}
	f("", http.StatusUnauthorized, "", "", "")
	f("Bearer ", http.StatusUnauthorized, "", "", "")
	f("Bearer canary-nobody", http.StatusUnauthorized, "", "", "")
	f("Basic canary-dana", http.StatusUnauthorized, "", "", "")
	f("Bearer canary-dana", http.StatusOK, "dana-laptop", "", audit.SurfaceClaudeCode)
	f("bearer canary-dana", http.StatusOK, "dana-laptop", "", audit.SurfaceClaudeCode)
	f("Bearer canary-bob", http.StatusOK, "bob-laptop", audit.FlagIdentityMismatch, audit.SurfaceClaudeCode)
	f("Bearer canary-platform", http.StatusOK, "platform", "", audit.SurfaceAPI)

	// Other tokens while it runs; a refused change leaves everything as it is.
	if err := r.Reload([]credential.Token{token("new", "canary-new", audit.Identity{})}); err != nil {
		t.Fatal(err)
	}
	f("Bearer canary-dana", http.StatusUnauthorized, "", "", "")
	f("Bearer canary-new", http.StatusOK, "new", "", audit.SurfaceClaudeCode)
	for _, bad := range [][]credential.Token{
		{token("", "canary", audit.Identity{})}, {token("x", "", audit.Identity{})},
		{token("x", "canary", audit.Identity{}), token("y", "canary", audit.Identity{})},
	} {
		if err := r.Reload(bad); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("Reload: %v", err)
		}
	}
	f("Bearer canary-new", http.StatusOK, "new", "", audit.SurfaceClaudeCode)
	if r.log.String() != "" && strings.Contains(r.log.String(), "canary") {
		t.Error("a token is in the log")
	}
}

// authority signs certificates for a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
	dir  string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.cert, a.key = a.sign(t, &x509.Certificate{Subject: pkix.Name{CommonName: "test ca"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	a.file = a.write(t, "ca.pem", "CERTIFICATE", a.cert.Raw)
	return a
}

func (a *authority) sign(t *testing.T, tmpl *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl.SerialNumber = big.NewInt(time.Now().UnixNano())
	tmpl.NotBefore, tmpl.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = tmpl, key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func (a *authority) write(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// pair writes a certificate and its key, and returns their paths.
func (a *authority) pair(t *testing.T, name string, tmpl *x509.Certificate) (cert, key string) {
	t.Helper()
	c, k := a.sign(t, tmpl)
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return a.write(t, name+".pem", "CERTIFICATE", c.Raw), a.write(t, name+".key", "PRIVATE KEY", der)
}

func (a *authority) server(t *testing.T, name string) (cert, key string) {
	t.Helper()
	return a.pair(t, "server", &x509.Certificate{Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
}

func (a *authority) client(t *testing.T, tmpl *x509.Certificate) *tls.Config {
	t.Helper()
	conf := &tls.Config{RootCAs: x509.NewCertPool()}
	conf.RootCAs.AddCert(a.cert)
	if tmpl != nil {
		tmpl.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		pair, err := tls.LoadX509KeyPair(a.pair(t, "client", tmpl))
		if err != nil {
			t.Fatal(err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf
}

func (r *rig) withTLS(conf *tls.Config) {
	r.client.CloseIdleConnections()
	r.client = &http.Client{Transport: &http.Transport{TLSClientConfig: conf, ForceAttemptHTTP2: true}}
}

func TestMutualTLS(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	cert, key := ca.server(t, "first")
	r := start(t, otlp.Config{CertFile: cert, KeyFile: key, ClientCAFile: ca.file})
	f := func(tmpl *x509.Certificate, credential, email, flag string) {
		t.Helper()
		conf := ca.client(t, tmpl)
		r.withTLS(conf)
		if res := r.post(t, "/v1/logs", jsonType, strings.NewReader(oneEvent)); res.code != http.StatusOK {
			t.Fatalf("%s: %d %s", credential, res.code, res.body)
		}
		if _, err := plogotlp.NewGRPCClient(r.dial(t, conf)).Export(t.Context(), event(t)); err != nil {
			t.Fatal(err)
		}
		for _, del := range r.door.take() {
			rec := record(t, del)
			if del.Credential != credential || rec.Account.Proved.Email != email || strings.Join(rec.Flags, " ") != flag {
				t.Errorf("%s: delivered by %q: %s", credential, del.Credential, rec.AppendCanonical(nil))
			}
		}
	}
	f(&x509.Certificate{Subject: pkix.Name{CommonName: "laptop-7"}}, "laptop-7", "", "")
	f(&x509.Certificate{DNSNames: []string{"host.example.com"}}, "host.example.com", "", "")
	f(&x509.Certificate{EmailAddresses: []string{"Dana@example.com"}}, "Dana@example.com", "dana@example.com", "")
	f(&x509.Certificate{Subject: pkix.Name{CommonName: "bob"}, EmailAddresses: []string{"bob@example.com"}}, "bob", "bob@example.com", "identity_mismatch")

	// Nobody without a certificate, nor with one of another authority.
	other := newAuthority(t).client(t, &x509.Certificate{Subject: pkix.Name{CommonName: "x"}})
	other.RootCAs = ca.client(t, nil).RootCAs
	for _, conf := range []*tls.Config{ca.client(t, nil), other} {
		r.withTLS(conf)
		if _, err := r.tryPost(t.Context(), "/v1/logs", jsonType, strings.NewReader(oneEvent)); err == nil {
			t.Error("an unknown client was let in over HTTP")
		}
		if _, err := plogotlp.NewGRPCClient(r.dial(t, conf)).Export(t.Context(), event(t)); err == nil {
			t.Error("an unknown client was let in over gRPC")
		}
	}
	if got := r.door.take(); len(got) != 0 {
		t.Errorf("%d deliveries of strangers", len(got))
	}
}

// TestTLSReload: a renewed certificate is taken up without a restart; a broken one is not.
func TestTLSReload(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	cert, key := ca.server(t, "first")
	tokens := []credential.Token{token("a", "t", audit.Identity{})}
	r := start(t, otlp.Config{CertFile: cert, KeyFile: key, Tokens: tokens})
	names := func() string {
		t.Helper()
		var list []string
		for _, addr := range []string{r.http, r.grpc} {
			conf := ca.client(t, nil)
			conf.NextProtos = []string{"h2"}
			conn, err := (&tls.Dialer{Config: conf}).DialContext(t.Context(), "tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName)
			_ = conn.Close()
		}
		return strings.Join(list, " ")
	}
	if got := names(); got != "first first" {
		t.Errorf("certificates %s", got)
	}
	ca.server(t, "second")
	if err := r.Reload(tokens); err != nil {
		t.Fatal(err)
	}
	if got := names(); got != "second second" {
		t.Errorf("certificates %s after a reload", got)
	}
	if err := os.WriteFile(cert, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Reload(nil); err == nil {
		t.Error("a broken certificate was taken")
	}
	r.withTLS(ca.client(t, nil))
	if res := r.post(t, "/v1/logs", jsonType, strings.NewReader(oneEvent)); res.code != http.StatusUnauthorized {
		t.Errorf("the refused reload changed the tokens: %d", res.code)
	}
	if res := r.post(t, "/v1/logs", jsonType, strings.NewReader(oneEvent), "Authorization", "Bearer t"); res.code != http.StatusOK || names() != "second second" {
		t.Errorf("the refused reload changed something: %d, certificates %s", res.code, names())
	}
}

// TestExposure: nobody listens to the world without TLS and credentials.
func TestExposure(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	cert, key := ca.server(t, "x")
	tokens := []credential.Token{token("a", "t", audit.Identity{})}
	f := func(cfg otlp.Config, want string) {
		t.Helper()
		_, err := otlp.New(cfg, otlp.Deps{Door: &door{}})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	f(otlp.Config{HTTPAddr: "127.0.0.1:4318", GRPCAddr: "[::1]:4317"}, "")
	f(otlp.Config{HTTPAddr: "localhost:4318"}, "")
	for _, addr := range []string{":4318", "0.0.0.0:4318", "[::]:4318", "192.0.2.1:4318", "collector.example.com:4318"} {
		f(otlp.Config{HTTPAddr: addr}, "set otlp.tls.cert")
		f(otlp.Config{GRPCAddr: addr}, "set otlp.tls.cert")
		f(otlp.Config{GRPCAddr: addr, Tokens: tokens}, "set otlp.tls.cert")
		f(otlp.Config{HTTPAddr: addr, CertFile: cert, KeyFile: key}, "otlp.tokens")
		f(otlp.Config{HTTPAddr: addr, CertFile: cert, KeyFile: key, Tokens: tokens}, "")
		f(otlp.Config{HTTPAddr: addr, CertFile: cert, KeyFile: key, ClientCAFile: ca.file}, "")
	}
	f(otlp.Config{HTTPAddr: "127.0.0.1"}, "want host:port")
	f(otlp.Config{CertFile: cert}, "go together")
	f(otlp.Config{ClientCAFile: ca.file}, "needs cert and key")
	f(otlp.Config{CertFile: cert, KeyFile: cert}, "load otlp certificate")
	f(otlp.Config{CertFile: cert, KeyFile: key, ClientCAFile: key}, "no PEM certificate")
	f(otlp.Config{CertFile: cert, KeyFile: key, ClientCAFile: "none.pem"}, "none.pem")

	exposed, err := otlp.New(otlp.Config{HTTPAddr: ":0", CertFile: cert, KeyFile: key, Tokens: tokens}, otlp.Deps{Door: &door{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := exposed.Reload(nil); err == nil {
		t.Error("the last token was taken away from a listener the world can reach")
	}
}
