package caller

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
)

// certified tells what a verified client certificate proves: its name, and its mail address where it has one.
func certified(state *tls.ConnectionState) (who Caller) {
	if state == nil || len(state.VerifiedChains) == 0 || len(state.VerifiedChains[0]) == 0 {
		return Caller{}
	}
	cert := state.VerifiedChains[0][0]
	if len(cert.EmailAddresses) > 0 {
		who.Proved.Email = strings.ToLower(cert.EmailAddresses[0])
	}
	who.Credential = certName(cert)
	return who
}

func certName(cert *x509.Certificate) string {
	switch {
	case cert.Subject.CommonName != "":
		return cert.Subject.CommonName
	case len(cert.DNSNames) > 0:
		return cert.DNSNames[0]
	case len(cert.URIs) > 0:
		return cert.URIs[0].String()
	case len(cert.EmailAddresses) > 0:
		return cert.EmailAddresses[0]
	}
	return "serial " + cert.SerialNumber.String()
}

func (c Config) loadTLS() (*tls.Config, error) {
	if c.CertFile == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("load gateway certificate %s and key %s: %w", c.CertFile, c.KeyFile, err)
	}
	conf := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	if c.ClientCAFile != "" {
		pem, err := os.ReadFile(c.ClientCAFile)
		if err != nil {
			return nil, fmt.Errorf("load gateway client ca: %w", err)
		}
		conf.ClientCAs = x509.NewCertPool()
		if !conf.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("load gateway client ca %s: it holds no PEM certificate", c.ClientCAFile)
		}
		conf.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return conf, nil
}

// TLS is the configuration of the listener, which takes whatever Reload loaded last; nil where TLS is off.
func (g *Gate) TLS() *tls.Config {
	now := g.tls.Load()
	if now == nil {
		return nil
	}
	conf := now.Clone()
	conf.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return g.tls.Load(), nil }
	return conf
}
