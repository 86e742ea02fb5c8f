package config

import (
	"errors"
	"fmt"
	"net/url"
)

// Console configures the listener of the console.
type Console struct {
	// TLS is its certificate; without one it speaks HTTP, on loopback only.
	TLS ConsoleTLS `yaml:"tls"`
	// URL is how browsers reach it, where that is not the address it listens on: https://audit.example.com. The identity
	// provider sends people back to URL/signin/callback.
	URL string `yaml:"url"`
}

// ConsoleTLS names PEM files.
type ConsoleTLS struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

func (c *Config) validateConsole() error {
	var errs []error
	if (c.Console.TLS.Cert == "") != (c.Console.TLS.Key == "") {
		errs = append(errs, errors.New("console.tls: cert and key go together"))
	}
	if c.Console.URL != "" {
		u, err := url.Parse(c.Console.URL)
		switch {
		case err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http":
			errs = append(errs, errors.New("console.url: want https://HOST or https://HOST:PORT, and nothing behind it"))
		case u.Scheme == "http" && !loopback(u.Host) && !loopback(u.Host+":80"):
			errs = append(errs, errors.New("console.url: want https; http is for this machine alone"))
		case u.Scheme == "http" && c.Console.TLS.Cert != "":
			errs = append(errs, errors.New("console.url: want https, since console.tls is set"))
		}
	}
	if loopback(c.Listen.Console) {
		return errors.Join(errs...)
	}
	for _, need := range []struct {
		is   bool
		name string
	}{{c.Console.TLS.Cert != "", "console.tls.cert and console.tls.key"}, {c.Console.URL != "", "console.url"}, {c.Access.OIDC.Issuer != "", "access.oidc"}} {
		if !need.is {
			errs = append(errs, fmt.Errorf("listen.console: %s is beyond loopback: set %s; or use 127.0.0.1", c.Listen.Console, need.name))
		}
	}
	return errors.Join(errs...)
}
