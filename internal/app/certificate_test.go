package app_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/config"
)

// writeCertificate writes a certificate for loopback of a serial number.
func writeCertificate(t *testing.T, dir string, serial int64) (files config.ConsoleTLS, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	files = config.ConsoleTLS{Cert: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key")}
	for path, block := range map[string]*pem.Block{files.Cert: {Type: "CERTIFICATE", Bytes: der}, files.Key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(cert)
	return files, pool
}

// TestConsoleTLS: the console speaks TLS where it has a certificate, and takes a new one with a reload; one that does not fit
// leaves the old.
func TestConsoleTLS(t *testing.T) {
	t.Parallel()
	cfg, dir := cfgFor(t.TempDir()), t.TempDir()
	var pool *x509.CertPool
	cfg.Console.TLS, pool = writeCertificate(t, dir, 1)
	s := serve(t, cfg)
	if !strings.HasPrefix(s.addrs.Console, "https://") {
		t.Fatalf("it listens at %s", s.addrs.Console)
	}
	serial := func(pool *x509.CertPool) int64 {
		t.Helper()
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
		res, err := client.Get(s.addrs.Console + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(pool); got != 1 {
		t.Errorf("certificate %d", got)
	}
	reload := func() error {
		return s.Reload(context.Background(), func() (config.Config, error) { return cfg, nil })
	}
	_, next := writeCertificate(t, dir, 2)
	if err := reload(); err != nil {
		t.Fatal(err)
	}
	if got := serial(next); got != 2 {
		t.Errorf("after the reload: certificate %d", got)
	}
	if err := os.WriteFile(cfg.Console.TLS.Key, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := reload(); err == nil || !strings.Contains(err.Error(), "console.tls") {
		t.Errorf("a key that does not fit: %v", err)
	}
	if got := serial(next); got != 2 {
		t.Errorf("after a refused reload: certificate %d", got)
	}
}
