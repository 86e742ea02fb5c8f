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
	commit, err := c.prepare()
	if err != nil {
		return nil, err
	}
	commit()
	return c, nil
}

// prepare reads the files again; what they hold counts with commit. Where they do not fit, the old one stays.
func (c *certificate) prepare() (commit func(), err error) {
	if c == nil {
		return func() {}, nil
	}
	pair, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	if err != nil {
		return nil, fmt.Errorf("console.tls: %w", err)
	}
	return func() { c.now.Store(&pair) }, nil
}

// config is nil without a certificate.
func (c *certificate) config() *tls.Config {
	if c == nil {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now.Load(), nil }}
}
