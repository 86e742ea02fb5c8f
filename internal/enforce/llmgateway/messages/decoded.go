package messages

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// ErrEncoding is wrapped by the error for a content coding that nobody here reads.
var ErrEncoding = errors.New("unknown content coding")

// maxCodings bounds how often one body is encoded, maxWindow what a zstd stream may make its reader keep.
const (
	maxCodings = 4
	maxWindow  = 64 << 20
)

// Decoding reads an encoded body, as it arrives: what the sender flushed can be read at once. Its reader bounds how much
// is read, for a few bytes may stand for gigabytes; In and Out tell how far that went.
type Decoding struct {
	counted counter
	top     io.Reader
	out     int64
}

// Decoded reads r, whose Content-Encoding is given: gzip, br, zstd, deflate, identity, or a list of them in the order they
// were applied. It starts no goroutine, and reads nothing before it is read itself.
func Decoded(encoding string, r io.Reader) (*Decoding, error) {
	d := &Decoding{counted: counter{r: r}}
	d.top = &d.counted
	codings := strings.Split(encoding, ",")
	if len(codings) > maxCodings {
		return nil, fmt.Errorf("decode a body encoded %d times: %w", len(codings), ErrEncoding)
	}
	for i := len(codings) - 1; i >= 0; i-- {
		open := opener(strings.ToLower(strings.TrimSpace(codings[i])))
		if open == nil {
			return nil, fmt.Errorf("decode a body: %w", ErrEncoding)
		}
		d.top = &late{under: d.top, open: open}
	}
	return d, nil
}

// Read implements io.Reader.
func (d *Decoding) Read(p []byte) (int, error) {
	n, err := d.top.Read(p)
	d.out += int64(n)
	return n, err
}

// In is how many encoded bytes were read, Out how many they stood for.
func (d *Decoding) In() int64  { return d.counted.n }
func (d *Decoding) Out() int64 { return d.out }

func opener(coding string) func(io.Reader) (io.Reader, error) {
	switch coding {
	case "", "identity":
		return func(r io.Reader) (io.Reader, error) { return r, nil }
	case "gzip", "x-gzip":
		return func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }
	case "br":
		return func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil }
	case "zstd":
		return func(r io.Reader) (io.Reader, error) {
			z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
			if err != nil {
				return nil, err
			}
			return z, nil // without concurrency it has no goroutine to be stopped
		}
	case "deflate":
		return inflate
	}
	return nil
}

// inflate reads what HTTP calls deflate: a zlib stream, or as some senders have it a bare one.
func inflate(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	head, err := b.Peek(2)
	if err == nil && head[0]&0x0f == 8 && (uint(head[0])<<8|uint(head[1]))%31 == 0 {
		return zlib.NewReader(b)
	}
	return flate.NewReader(b), nil
}

// late opens a decoder when it is first read, because some read their header at once.
type late struct {
	under io.Reader
	open  func(io.Reader) (io.Reader, error)
	r     io.Reader
	err   error
}

func (l *late) Read(p []byte) (int, error) {
	if l.r == nil && l.err == nil {
		l.r, l.err = l.open(l.under)
	}
	if l.err != nil {
		return 0, l.err
	}
	return l.r.Read(p)
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
