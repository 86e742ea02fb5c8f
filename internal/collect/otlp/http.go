package otlp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
)

// Times of the HTTP listener. A body must arrive within readTime, however slowly its sender trickles.
const (
	headerTime = 10 * time.Second
	readTime   = time.Minute
	writeTime  = 2 * time.Minute
	idleTime   = 2 * time.Minute
)

// paths are where OTLP exporters post to (https://opentelemetry.io/docs/specs/otlp/#otlphttp-request).
var paths = map[string]signal{"/v1/logs": logs, "/v1/metrics": metrics, "/v1/traces": traces}

func (r *Receiver) serveHTTP(ctx, work context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler: http.HandlerFunc(r.serveExport), ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime,
		IdleTimeout: idleTime, MaxHeaderBytes: 64 << 10, TLSConfig: r.guard.TLS("h2", "http/1.1"),
		BaseContext: func(net.Listener) context.Context { return work },
		ErrorLog:    slog.NewLogLogger(r.log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() {
		if srv.TLSConfig != nil {
			failed <- srv.ServeTLS(l, "", "")
		} else {
			failed <- srv.Serve(l)
		}
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serve otlp http: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(work, stopTime)
	defer cancel()
	err := srv.Shutdown(stop)
	if err != nil {
		err = errors.Join(fmt.Errorf("stop otlp http: exports were cut off after %s: %w", stopTime, err), srv.Close())
	}
	<-failed
	return err
}

// serveExport answers one export over HTTP.
func (r *Receiver) serveExport(w http.ResponseWriter, req *http.Request) {
	began := time.Now()
	sig, known := paths[req.URL.Path]
	var out *refusal
	enc, named := encodingOf(req.Header.Get("Content-Type"))
	switch {
	case !known:
		sig = "other"
		out = refuse(unsupported, "nothing is here: post to /v1/logs, /v1/metrics or /v1/traces (a per-signal endpoint is used as written, path included)")
		http.Error(w, out.text, http.StatusNotFound)
	case req.Method != http.MethodPost:
		out = refuse(unsupported, "post an OTLP export request here")
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, out.text, http.StatusMethodNotAllowed)
	case !named:
		out = refuse(unsupported, "send application/x-protobuf or application/json")
		http.Error(w, out.text, http.StatusUnsupportedMediaType)
	default:
		out = r.export(req, sig, enc)
		answer(w, enc, out)
	}
	r.answered(req.Context(), "http", sig, out, began)
}

func encodingOf(contentType string) (wire.Encoding, bool) {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		return 0, false
	}
	switch media {
	case "application/x-protobuf", "application/protobuf":
		return wire.Protobuf, true
	case "application/json":
		return wire.JSON, true
	}
	return 0, false
}

func (r *Receiver) export(req *http.Request, sig signal, enc wire.Encoding) *refusal {
	// Browsers name the page a request comes from, exporters do not: no page may write into the trail.
	if req.Header.Get("Origin") != "" {
		return refuse(forbidden, "web pages cannot deliver telemetry here")
	}
	who, err := r.authenticate(req.Header.Get("Authorization"), req.TLS)
	if err != nil {
		return refuse(unauthenticated, "%s", err)
	}
	who.IP, _, _ = net.SplitHostPort(req.RemoteAddr)
	if req.ContentLength > r.cfg.MaxBody {
		return refuse(tooLarge, "the body is larger than %d bytes: send smaller batches", r.cfg.MaxBody)
	}
	s := share{flight: r.flight, patience: r.patience}
	defer s.release()
	body, out := r.read(req.Context(), req.Body, req.Header.Get("Content-Encoding"), &s)
	if out != nil {
		return out
	}
	return r.ingest(req.Context(), sig, enc, body, who, &s)
}

// statuses are the answers to what was not accepted. Exporters try again on 429, 502, 503 and 504 and drop the batch on
// any other (https://opentelemetry.io/docs/specs/otlp/#failures-1).
var statuses = map[result]int{
	unavailable: http.StatusServiceUnavailable, busy: http.StatusServiceUnavailable, interrupted: http.StatusServiceUnavailable,
	tooLarge: http.StatusRequestEntityTooLarge, notOTLP: http.StatusBadRequest, unauthenticated: http.StatusUnauthorized,
	forbidden: http.StatusForbidden, unsupported: http.StatusUnsupportedMediaType, internal: http.StatusInternalServerError,
}

// retryAfter is when a client should try again.
const retryAfter = 2 * time.Second

// answer writes the answer in the request's own encoding: an empty Export…ServiceResponse, or a google.rpc.Status.
func answer(w http.ResponseWriter, enc wire.Encoding, out *refusal) {
	h := w.Header()
	code := http.StatusOK
	if out != nil {
		code = statuses[out.result]
		switch code {
		case http.StatusServiceUnavailable:
			h.Set("Retry-After", fmt.Sprint(int(retryAfter.Seconds())))
		case http.StatusUnauthorized:
			h.Set("WWW-Authenticate", `Bearer realm="otlp"`)
		}
	}
	var body []byte
	if enc == wire.JSON {
		h.Set("Content-Type", "application/json")
		body = []byte(`{"partialSuccess":{}}`)
		if out != nil {
			body = fmt.Appendf(nil, `{"code":%d,"message":%q}`, rpcCodes[out.result], out.text)
		}
	} else {
		h.Set("Content-Type", "application/x-protobuf")
		if out != nil {
			body = rpcStatus(uint64(rpcCodes[out.result]), out.text)
		}
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(code)
	_, _ = w.Write(body) // the client is gone; what it sent is safe
}

// rpcStatus encodes a google.rpc.Status: 1 code, 2 message.
func rpcStatus(code uint64, message string) []byte {
	message = message[:min(len(message), 127)] // so that its length fits one byte
	b := []byte{1 << 3, byte(code), 2<<3 | 2, byte(len(message))}
	return append(b, message...)
}
