package siem

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"
)

// mostBody bounds what is read of a request before its vendor's own limit is looked at, in bytes.
const mostBody = 64 << 20

// body reads a request, unpacked.
func body(r *http.Request) ([]byte, error) {
	var from io.Reader = r.Body
	switch r.Header.Get("Content-Encoding") {
	case "":
	case "gzip":
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, err
		}
		from = z
	default:
		return nil, errors.New("unknown content encoding")
	}
	b, err := io.ReadAll(io.LimitReader(from, mostBody+1))
	if err == nil && len(b) > mostBody {
		err = errors.New("too large")
	}
	return b, err
}

// delivery is a request with items that was understood: what befalls it is the same whoever receives it.
type delivery struct {
	vendor Vendor
	events []event
	// refuse answers a fault in the vendor's words.
	refuse func(status int)
	// taken stores the events, or not, and returns the answer.
	taken func(f Fault, dice *rand.Rand) (status int, answer any)
}

// deliver draws what befalls a delivery and answers it.
func (s *SIEM) deliver(w http.ResponseWriter, r *http.Request, d delivery) {
	f, dice := s.faults.draw(d.vendor)
	s.with(d.vendor, func(h *held) {
		h.counts.Requests++
		if f != None {
			h.counts.Faults[string(f)]++
		}
	})
	if f != None {
		s.opts.Log.Info("fault", "vendor", d.vendor, "fault", f, "items", len(d.events))
	}
	switch f {
	case Busy:
		if s.opts.RetryAfter >= 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(s.opts.RetryAfter/time.Second)))
		}
		d.refuse(http.StatusTooManyRequests)
		return
	case Unavailable:
		d.refuse(http.StatusServiceUnavailable)
		return
	case Unauthorized:
		d.refuse(http.StatusUnauthorized)
		return
	case TooLarge:
		if len(d.events) > 1 {
			d.refuse(http.StatusRequestEntityTooLarge)
			return
		}
	case Reset:
		reset(w)
		return
	}
	status, reply := d.taken(f, dice)
	switch f {
	case Lost:
		reset(w)
	case Half:
		half(w, status, reply)
	case Slow:
		w.Header().Set("Connection", "close")
		wait(r, s.opts.SlowBy)
		send(w, status, reply)
	default:
		send(w, status, reply)
	}
}

func send(w http.ResponseWriter, status int, reply any) {
	if reply == nil {
		w.WriteHeader(status)
		return
	}
	answer(w, status, reply)
}

func wait(r *http.Request, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
	}
}

// reset ends a connection the hard way: whoever reads from it gets an error.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // no such connection (HTTP/2): the server resets the stream
	}
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn() // without the goodbye of TLS
	}
	if c, ok := conn.(*net.TCPConn); ok {
		_ = c.SetLinger(0)
	}
	_ = conn.Close()
}

// half sends the head and half of the answer, and then nothing more.
func half(w http.ResponseWriter, status int, reply any) {
	var b bytes.Buffer
	if reply != nil {
		_ = json.NewEncoder(&b).Encode(reply)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(max(b.Len(), 2)))
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()[:b.Len()/2])
	_ = http.NewResponseController(w).Flush()
	reset(w)
}
