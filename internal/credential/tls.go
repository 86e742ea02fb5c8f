package credential

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
)

// Certified tells what a verified client certificate proves: its name, and its mail address where it has one. Without one
// it is the zero Holder.
func Certified(state *tls.ConnectionState) (who Holder) {
	if state == nil || len(state.VerifiedChains) == 0 || len(state.VerifiedChains[0]) == 0 {
		return Holder{}
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
		return nil, fmt.Errorf("load %s certificate %s and key %s: %w", c.Section, c.CertFile, c.KeyFile, err)
	}
	conf := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if c.ClientCAFile != "" {
		pem, err := os.ReadFile(c.ClientCAFile)
		if err != nil {
			return nil, fmt.Errorf("load %s client ca: %w", c.Section, err)
		}
		conf.ClientCAs = x509.NewCertPool()
		if !conf.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("load %s client ca %s: it holds no PEM certificate", c.Section, c.ClientCAFile)
		}
		conf.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return conf, nil
}

// TLS is the configuration of a listener that speaks these protocols ("h2", "http/1.1"). It takes whatever Reload loaded
// last; nil where TLS is off.
func (g *Guard) TLS(protocols ...string) *tls.Config {
	now := g.tls.Load()
	if now == nil {
		return nil
	}
	conf := now.Clone()
	conf.NextProtos = protocols
	conf.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		latest := g.tls.Load().Clone()
		latest.NextProtos = protocols
		return latest, nil
	}
	return conf
}

// Loopback reports whether only this machine can reach an address. One that is off, "", nobody can.
func Loopback(addr string) (bool, error) {
	if addr == "" {
		return true, nil
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false, fmt.Errorf("address %q: want host:port: %w", addr, err)
	}
	return Local(host), nil
}

// Local reports whether a host can only be this machine. A name other than localhost counts as outside: what it resolves to
// is not ours to say.
func Local(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
