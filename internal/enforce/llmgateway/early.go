package llmgateway

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// cutShort lets an answer come before the whole body of its request has, as one that refuses by the head alone. The end it
// returns is called when the answer is over: then nobody waits any longer for the rest of the body. Such an answer is the
// last on its connection, whose next bytes are still the body's and must not be taken for a request: see unread.
//
// Without it, net/http writes no answer while a body is being read, closes it under the hands of a transport that still reads
// it once an answer begins, and does not end a request while its body is waited for.
func cutShort(w http.ResponseWriter, r *http.Request) (body *watched, end func()) {
	if r.ContentLength == 0 || r.ProtoMajor > 1 { // HTTP/2 does it by itself
		return nil, func() {}
	}
	conn := http.NewResponseController(w)
	if err := conn.EnableFullDuplex(); err != nil {
		return nil, func() {}
	}
	body = &watched{ReadCloser: r.Body, length: r.ContentLength}
	r.Body = body
	return body, func() {
		if !body.unread() {
			return
		}
		// A client in the middle of sending reads the answer only if the connection is not reset under it: what it still sends is
		// read for a moment, and thrown away.
		_ = conn.Flush()
		_ = conn.SetReadDeadline(time.Now().Add(linger)) // then who waits for the client is told so
		_, _ = io.CopyN(io.Discard, body, mostLingering)
		_ = conn.SetReadDeadline(time.Unix(1, 0))
		_, _ = io.Copy(io.Discard, body) // what has come is read here: net/http would listen for the next request meanwhile
	}
}

// How long and how much is read of a body that nobody wants any more.
const (
	linger        = 500 * time.Millisecond
	mostLingering = 64 << 20
)

// watched is a body of which it is known whether it was read to its end.
type watched struct {
	io.ReadCloser
	length int64 // as announced; -1 where it was not
	read   atomic.Int64
	ended  atomic.Bool
}

// unread reports whether more may come. A nil body is none.
func (b *watched) unread() bool {
	return b != nil && !b.ended.Load() && b.read.Load() != b.length
}

func (b *watched) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read.Add(int64(n))
	if err != nil {
		b.ended.Store(true)
	}
	return n, err
}
