package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"

	"github.com/tripod-audit/tripod/bench/child"
)

// childFlag as the first argument makes this program one of its own children.
const childFlag = "-child"

// runChild is the mock upstream, or the bare proxy in front of the URL it is given. It ends with its parent.
func runChild(args []string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var h http.Handler
	switch args[0] {
	case "upstream":
		h = newMock()
	case "bare":
		if h, err = bareProxy(args[1]); err != nil {
			return err
		}
	default:
		return fmt.Errorf("no child %q", args[0])
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]string{"url": "http://" + l.Addr().String()}); err != nil {
		return err
	}
	return http.Serve(l, h) //nolint:gosec // loopback, and it ends with its parent
}

// bareProxy is the least that Go needs for a reverse proxy that keeps connections to its upstream.
func bareProxy(to string) (http.Handler, error) {
	u, err := url.Parse(to)
	if err != nil {
		return nil, err
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) },
		Transport: &http.Transport{
			MaxIdleConnsPerHost: 200, DisableCompression: true,
		},
	}, nil
}

// startSelf starts this program as a child and gives the URL it listens at.
func startSelf(ctx context.Context, args ...string) (*child.Process, string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	cmd := exec.CommandContext(ctx, self, append([]string{childFlag}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	p, err := child.Start(cmd)
	if err != nil {
		return nil, "", err
	}
	var said struct{ URL string }
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &said)
	}
	if err == nil && said.URL == "" {
		err = errors.New("it did not say where it listens")
	}
	if err != nil {
		p.Kill()
		return nil, "", fmt.Errorf("start child %s: %w", args[0], err)
	}
	return p, said.URL, nil
}
