package console

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// contentPolicy lets a page load nothing but our own files, run no inline script or style, and be framed by nobody.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// guard puts the protections in front of everything: headers on every answer, refusals included, the name of the host
// against DNS rebinding, and the origin of whatever is not a read.
func guard(next http.Handler, host string) http.Handler {
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if !isLoopback(r.Host) && !strings.EqualFold(r.Host, host) {
			http.Error(w, "unknown host: use the address tripod listens on", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostOf is the host that an address names, as browsers send it.
func hostOf(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("address of the console: %w", err)
	}
	host := u.Host
	if u.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	} else if u.Scheme == "http" {
		host = strings.TrimSuffix(host, ":80")
	}
	return host, nil
}

// fromElsewhere reports whether a browser says that a page which is not ours asked for this. That of another port of this
// machine is of the same site, so the cookie comes along: it could leave records in the name of who is signed in. Clients
// that are no browsers say nothing.
func fromElsewhere(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return false
	}
	return true
}

// elsewhere refuses what another page asked for. Who followed a link there is asked to go on from here, knowing what it
// opens.
func (c *Console) elsewhere(w http.ResponseWriter, r *http.Request) {
	p := &problem{status: http.StatusForbidden, code: "forbidden", heading: "Another page led here",
		text:   "What another page asks for is not opened, since opening it is a record in the name of who is signed in.",
		advice: "Open the address in a window of its own."}
	if r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" {
		address := url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
		p.text = "Nothing has been opened yet. Going on opens " + address.String() + "; that becomes a record."
		p.advice, p.goOn = "If you did not mean to, close this page.", address.String()
	}
	c.show(w, r, nil, p)
}

// isLoopback reports whether a Host header names this machine to itself.
func isLoopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
		if n := len(name); n > 1 && name[0] == '[' && name[n-1] == ']' {
			name = name[1 : n-1]
		}
	}
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}
