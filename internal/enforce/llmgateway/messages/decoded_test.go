package messages_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
)

type flusher interface {
	io.WriteCloser
	Flush() error
}

func encoders(t *testing.T) map[string]func(io.Writer) flusher {
	return map[string]func(io.Writer) flusher{
		"gzip": func(w io.Writer) flusher { return gzip.NewWriter(w) },
		"br":   func(w io.Writer) flusher { return brotli.NewWriter(w) },
		"zstd": func(w io.Writer) flusher {
			z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
			if err != nil {
				t.Fatal(err)
			}
			return z
		},
		"deflate": func(w io.Writer) flusher { return zlib.NewWriter(w) },
	}
}

func TestDecoded(t *testing.T) {
	t.Parallel()
	for coding, open := range encoders(t) {
		var b bytes.Buffer
		w := open(&b)
		text := strings.Repeat("much the same ", 5000)
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		encoded := int64(b.Len())
		d, err := messages.Decoded(strings.ToUpper(coding), &b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(d)
		if err != nil || string(got) != text || d.In() != encoded || d.Out() != int64(len(text)) {
			t.Errorf("%s: %d bytes of %d, in %d out %d, %v", coding, len(got), len(text), d.In(), d.Out(), err)
		}
	}
}

func TestDecodedLists(t *testing.T) {
	t.Parallel()
	var inner, outer bytes.Buffer
	z := gzip.NewWriter(&inner)
	_, _ = io.WriteString(z, "twice")
	_ = z.Close()
	br := brotli.NewWriter(&outer)
	_, _ = br.Write(inner.Bytes())
	_ = br.Close()
	d, err := messages.Decoded("gzip, identity, br", &outer)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(d); err != nil || string(got) != "twice" {
		t.Errorf("%q, %v", got, err)
	}
	var bare bytes.Buffer
	f, _ := flate.NewWriter(&bare, 6)
	_, _ = io.WriteString(f, "bare")
	_ = f.Close()
	d, err = messages.Decoded("deflate", &bare)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(d); err != nil || string(got) != "bare" {
		t.Errorf("%q, %v", got, err)
	}
	for _, coding := range []string{"lzma", "gzip,gzip,gzip,gzip,gzip"} {
		if _, err := messages.Decoded(coding, nil); !errors.Is(err, messages.ErrEncoding) {
			t.Errorf("%s: %v", coding, err)
		}
	}
}

// TestDecodedStreams: what the sender flushed can be read before more comes.
func TestDecodedStreams(t *testing.T) {
	t.Parallel()
	for coding, open := range encoders(t) {
		r, w := io.Pipe()
		enc := open(w)
		d, err := messages.Decoded(coding, r)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = io.WriteString(enc, "event one\n\n")
			_ = enc.Flush() // and nothing more comes until the test ends
		}()
		got := make([]byte, len("event one\n\n"))
		if _, err := io.ReadFull(d, got); err != nil || string(got) != "event one\n\n" {
			t.Errorf("%s: %q, %v", coding, got, err)
		}
		_ = r.Close()
	}
}
