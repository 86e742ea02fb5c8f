package otlp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/sync/semaphore"
)

// bodies keeps buffers and decompressors from request to request. The zero value is ready.
type bodies struct {
	buffers sync.Pool // of *bytes.Buffer
	gzips   sync.Pool // of *gzip.Reader
}

// largestKept is the most a kept buffer may hold: a rare large body must not stay in memory.
const largestKept = 1 << 20

func (b *bodies) buffer() *bytes.Buffer {
	if buf, ok := b.buffers.Get().(*bytes.Buffer); ok {
		buf.Reset()
		return buf
	}
	return new(bytes.Buffer)
}

func (b *bodies) put(buf *bytes.Buffer) {
	if buf.Cap() <= largestKept {
		b.buffers.Put(buf)
	}
}

func (b *bodies) gunzip(r io.Reader) (*gzip.Reader, error) {
	if z, ok := b.gzips.Get().(*gzip.Reader); ok {
		return z, z.Reset(r)
	}
	return gzip.NewReader(r)
}

// share is what one request holds of the bytes in flight. It grows with what has arrived, not with what was announced,
// so that a client that sends slowly takes no room it does not fill.
type share struct {
	flight   *semaphore.Weighted
	patience time.Duration
	held     int64
}

const (
	readStep = 64 << 10
	// flightTime is how long a request waits for others to finish. Clients give up after 10 s.
	flightTime = 5 * time.Second
)

func (s *share) grow(ctx context.Context, to int64) *refusal {
	more := to - s.held
	if more <= 0 {
		return nil
	}
	if !s.flight.TryAcquire(more) {
		ctx, cancel := context.WithTimeout(ctx, s.patience)
		defer cancel()
		if s.flight.Acquire(ctx, more) != nil {
			return refuse(busy, "too much is being received at once, send it again")
		}
	}
	s.held = to
	return nil
}

func (s *share) release() {
	s.flight.Release(s.held)
	s.held = 0
}

// read reads a body as a string, decompressed where it says so, in bounds: of the body as sent, of what it unpacks to,
// and of all bodies at once.
func (r *Receiver) read(ctx context.Context, body io.Reader, encoding string, s *share) (string, *refusal) {
	buf := r.bodies.buffer()
	defer r.bodies.put(buf)
	sent := &source{r: io.LimitReader(body, r.cfg.MaxBody+1)}
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		if out := s.fill(ctx, buf, sent, r.cfg.MaxBody, "body"); out != nil {
			return "", out
		}
		return buf.String(), nil
	case "gzip", "x-gzip":
	default:
		return "", refuse(unsupported, "send the body with Content-Encoding gzip or without")
	}
	z, err := r.bodies.gunzip(sent)
	if err != nil {
		return "", sent.unreadable()
	}
	defer r.bodies.gzips.Put(z)
	out := s.fill(ctx, buf, z, r.cfg.MaxUnpacked, "body, once decompressed,")
	switch {
	case sent.n > r.cfg.MaxBody:
		return "", refuse(tooLarge, "the body is larger than %d bytes: send smaller batches", r.cfg.MaxBody)
	case out == errUnreadable:
		return "", sent.unreadable()
	case out != nil:
		return "", out
	}
	return buf.String(), nil
}

// source counts what was read through it and remembers what went wrong there.
type source struct {
	r   io.Reader
	n   int64
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// unreadable tells a broken connection from broken compression.
func (s *source) unreadable() *refusal {
	if s.err != nil {
		return errUnreadable
	}
	return refuse(notOTLP, "the body is not the gzip it claims to be")
}

var errUnreadable = refuse(interrupted, "the body ended early")

// fill reads all there is, up to a bound.
func (s *share) fill(ctx context.Context, buf *bytes.Buffer, from io.Reader, most int64, what string) *refusal {
	for {
		if out := s.grow(ctx, int64(buf.Len())+readStep); out != nil {
			return out
		}
		n, err := io.CopyN(buf, from, readStep)
		if int64(buf.Len()) > most {
			return refuse(tooLarge, "the %s is larger than %d bytes: send smaller batches", what, most)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return errUnreadable
		case n == 0:
			return nil
		}
	}
}
