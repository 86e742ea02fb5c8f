package llmgateway

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// cutShort lets an answer come before the whole body of its request has, as one that refuses by the head alone. What it
// returns is called when the answer is over: then nobody waits any longer for the rest of the body.
//
// Without it, net/http writes no answer while a body is being read, closes it under the hands of a transport that still reads
// it once an answer begins, and does not end a request while its body is waited for.
func cutShort(w http.ResponseWriter, r *http.Request) (end func()) {
	if r.ContentLength == 0 {
		return func() {}
	}
	conn := http.NewResponseController(w)
	if err := conn.EnableFullDuplex(); err != nil {
		return func() {} // HTTP/2 does it by itself
	}
	body := &watched{ReadCloser: r.Body}
	r.Body = body
	return func() {
		if body.ended.Load() {
			return
		}
		_ = conn.SetReadDeadline(time.Unix(1, 0)) // who waits for the client is told so
		_, _ = io.Copy(io.Discard, body)          // what has come is read here: net/http would listen for the next request meanwhile
	}
}

// watched is a body of which it is known whether it was read to its end.
type watched struct {
	io.ReadCloser
	ended atomic.Bool
}

func (b *watched) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.ended.Store(true)
	}
	return n, err
}
