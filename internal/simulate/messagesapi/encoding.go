package messagesapi

import (
	"compress/gzip"
	"compress/zlib"
	"net/http"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// sent is an answer's body: what is written goes through the encoding that was agreed on.
type sent struct {
	flusher
	close func() error
}

// Close writes the encoding's end. A client that went away is no concern of ours, so its error is dropped.
func (b sent) Close() {
	if b.close != nil {
		_ = b.close()
	}
}

// plain is a body without an encoding.
type plain struct {
	http.ResponseWriter
	flush *http.ResponseController
}

func (p plain) Flush() error { return p.flush.Flush() }

// through is an encoder in front of a plain body: a flush has to pass both.
type through struct {
	flusher
	to plain
}

func (t through) Flush() error {
	if err := t.flusher.Flush(); err != nil {
		return err
	}
	return t.to.Flush()
}

// encoded agrees on an encoding, says so in the headers and gives the body to write to. It comes before WriteHeader.
func (a *API) encoded(w http.ResponseWriter, r *http.Request) sent {
	out := plain{w, http.NewResponseController(w)}
	encoding := agreed(a.opts.Encodings, r.Header.Values("Accept-Encoding"))
	if len(a.opts.Encodings) > 0 {
		w.Header().Add("Vary", "Accept-Encoding")
	}
	if encoding != "" {
		w.Header().Set("Content-Encoding", encoding)
		w.Header().Del("Content-Length")
	}
	switch encoding {
	case "gzip":
		z := gzip.NewWriter(w)
		return sent{through{z, out}, z.Close}
	case "deflate": // which is what RFC 9110 calls the zlib format
		z := zlib.NewWriter(w)
		return sent{through{z, out}, z.Close}
	case "br":
		z := brotli.NewWriterLevel(w, brotli.DefaultCompression)
		return sent{through{z, out}, z.Close}
	case "zstd":
		z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
		if err == nil {
			return sent{through{z, out}, z.Close}
		}
		w.Header().Del("Content-Encoding") // cannot happen: the options are constant
	}
	return sent{out, nil}
}

// agreed is the first encoding we offer that the client accepts, empty for none.
func agreed(offered, accepted []string) string {
	takes := map[string]bool{}
	for item := range strings.SplitSeq(strings.Join(accepted, ","), ",") {
		name, q, _ := strings.Cut(item, ";")
		takes[strings.ToLower(strings.TrimSpace(name))] = strings.ReplaceAll(q, " ", "") != "q=0"
	}
	for _, e := range offered {
		if takes[e] {
			return e
		}
	}
	return ""
}
