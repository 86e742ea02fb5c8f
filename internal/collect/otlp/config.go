package otlp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
	"github.com/tripod-audit/tripod/internal/secret"
)

// Config configures a Receiver. Zero bounds mean the defaults.
type Config struct {
	HTTPAddr string // host:port; "" is off
	GRPCAddr string

	CertFile     string // PEM; with KeyFile, TLS on both listeners
	KeyFile      string
	ClientCAFile string // PEM; clients must present a certificate it signed

	Tokens []Token // bearer tokens; where there are any, clients must send one

	MaxBody      int64       // bytes of a body as sent; default 16 MiB
	MaxUnpacked  int64       // bytes of a body once decompressed; default 64 MiB
	MaxInFlight  int64       // bytes of all bodies worked on at once; default and least MaxUnpacked
	MaxValue     int         // bytes of one text or value; what is longer is cut and flagged; default 1 MiB
	RequestLimit wire.Limits // what one export may hold
}

// Token is one bearer token.
type Token struct {
	Name    string         // names the credential in records
	Token   secret.String  // what clients send
	Proves  audit.Identity // what the token proves about who delivers with it
	Surface audit.Surface  // the product that delivers with it, where it stands for one; "" takes the export's word
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

func (c Config) validate() error {
	var errs []error
	if (c.CertFile == "") != (c.KeyFile == "") {
		errs = append(errs, errors.New("otlp.tls: cert and key go together"))
	}
	if c.ClientCAFile != "" && c.CertFile == "" {
		errs = append(errs, errors.New("otlp.tls: client_ca needs cert and key"))
	}
	for _, addr := range []string{c.HTTPAddr, c.GRPCAddr} {
		if addr == "" {
			continue
		}
		local, err := loopback(addr)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("otlp listener: %w", err))
		case !local && (c.CertFile == "" || len(c.Tokens) == 0 && c.ClientCAFile == ""):
			errs = append(errs, fmt.Errorf("otlp listener %s can be reached from other machines: set otlp.tls.cert and otlp.tls.key, "+
				"and otlp.tokens or otlp.tls.client_ca; or listen on 127.0.0.1", addr))
		}
	}
	return errors.Join(errs...)
}

// exposed reports whether anybody but this machine can reach a listener.
func (c Config) exposed() bool {
	for _, addr := range []string{c.HTTPAddr, c.GRPCAddr} {
		if local, err := loopback(addr); addr != "" && (err != nil || !local) {
			return true
		}
	}
	return false
}

// loopback reports whether only this machine can reach an address. A host name other than localhost counts as outside:
// what it resolves to is not ours to say.
func loopback(addr string) (bool, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false, fmt.Errorf("address %q: want host:port: %w", addr, err)
	}
	if host == "localhost" {
		return true, nil
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback(), nil
}
