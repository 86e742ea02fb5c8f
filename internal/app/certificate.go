package app

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"

	"github.com/tripod-audit/tripod/internal/config"
)

// certificate is that of the console's listener, read again with each reload.
type certificate struct {
	files config.ConsoleTLS
	now   atomic.Pointer[tls.Certificate]
}

// newCertificate reads one; nil where none is configured.
func newCertificate(files config.ConsoleTLS) (*certificate, error) {
	if files.Cert == "" {
		return nil, nil
	}
	c := &certificate{files: files}
	return c, c.reload()
}

// reload reads the files again. Where they do not fit, the old one stays.
func (c *certificate) reload() error {
	if c == nil {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	if err != nil {
		return fmt.Errorf("console.tls: %w", err)
	}
	c.now.Store(&pair)
	return nil
}

// config is nil without a certificate.
func (c *certificate) config() *tls.Config {
	if c == nil {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now.Load(), nil }}
}
