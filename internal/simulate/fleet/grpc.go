package fleet

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// rawCodec sends a message as it was encoded and keeps nothing of the answer.
type rawCodec struct{}

// Name is the content subtype that OTLP's receivers expect.
func (rawCodec) Name() string { return "proto" }

// Marshal returns the bytes it is given.
func (rawCodec) Marshal(v any) ([]byte, error) {
	b, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("encode %T: only bytes are sent", v)
	}
	return *b, nil
}

// Unmarshal lets the answer go: nothing in a success changes what a client does.
func (rawCodec) Unmarshal([]byte, any) error { return nil }

// call makes one gRPC request.
func (s *sender) call(ctx context.Context, e *export, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	if token := s.token(e); token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	opts := []grpc.CallOption{grpc.ForceCodec(rawCodec{})}
	if s.cfg.Gzip {
		opts = append(opts, grpc.UseCompressor(gzip.Name))
	}
	err := s.grpc.Invoke(ctx, e.signal.method(), &body, &body, opts...)
	if err == nil {
		return nil
	}
	st := status.Convert(err)
	after := time.Duration(-1)
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			after = info.GetRetryDelay().AsDuration()
		}
	}
	err = fmt.Errorf("answered %s: %.200s", st.Code(), st.Message())
	// What may be tried again: https://opentelemetry.io/docs/specs/otlp/#failures
	switch st.Code() {
	case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss:
		return again{err, after}
	case codes.ResourceExhausted:
		if after >= 0 {
			return again{err, after}
		}
	}
	return err
}
