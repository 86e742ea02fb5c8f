package otlp

import (
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
	"github.com/tripod-audit/tripod/internal/credential"
)

// Config configures a Receiver. Zero bounds mean the defaults.
type Config struct {
	HTTPAddr string // host:port; "" is off
	GRPCAddr string

	CertFile     string // PEM; with KeyFile, TLS on both listeners
	KeyFile      string
	ClientCAFile string // PEM; clients must present a certificate it signed

	Tokens []credential.Token // bearer tokens; where there are any, clients must send one

	MaxBody      int64       // bytes of a body as sent; default 16 MiB
	MaxUnpacked  int64       // bytes of a body once decompressed; default 64 MiB
	MaxInFlight  int64       // bytes of all bodies worked on at once; default and least MaxUnpacked
	MaxValue     int         // bytes of one text or value; what is longer is cut and flagged; default 1 MiB
	RequestLimit wire.Limits // what one export may hold
}

func (c Config) withDefaults() Config {
	if c.MaxBody <= 0 {
		c.MaxBody = 16 << 20
	}
	if c.MaxUnpacked <= 0 {
		c.MaxUnpacked = 64 << 20
	}
	c.MaxUnpacked = max(c.MaxUnpacked, c.MaxBody)
	c.MaxInFlight = max(c.MaxInFlight, c.MaxUnpacked+readStep)
	return c
}

// guard is what keeps the listeners.
func (c Config) guard() (*credential.Guard, error) {
	return credential.New(credential.Config{
		Section: "otlp", Addrs: []string{c.HTTPAddr, c.GRPCAddr}, CertFile: c.CertFile, KeyFile: c.KeyFile, ClientCAFile: c.ClientCAFile, Tokens: c.Tokens,
	})
}
