package otlp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/encoding/gzip" // exporters compress with it
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
	"github.com/tripod-audit/tripod/internal/credential"
)

// services are the gRPC services of OTLP (https://opentelemetry.io/docs/specs/otlp/#otlpgrpc).
var services = map[string]signal{
	"opentelemetry.proto.collector.logs.v1.LogsService":       logs,
	"opentelemetry.proto.collector.metrics.v1.MetricsService": metrics,
	"opentelemetry.proto.collector.trace.v1.TraceService":     traces,
}

func (r *Receiver) serveGRPC(ctx context.Context, l net.Listener) error {
	options := []grpc.ServerOption{
		grpc.ForceServerCodecV2(rawCodec{}),
		grpc.MaxRecvMsgSize(int(r.cfg.MaxUnpacked)),
		grpc.MaxConcurrentStreams(64),
		grpc.MaxHeaderListSize(64 << 10),
		grpc.ConnectionTimeout(headerTime),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: 10 * time.Minute, Time: 2 * time.Minute, Timeout: 20 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
	}
	if conf := r.guard.TLS("h2"); conf != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(conf)))
	}
	srv := grpc.NewServer(options...)
	for name, sig := range services {
		srv.RegisterService(r.service(name, sig), nil)
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve otlp grpc: %w", err)
	case <-ctx.Done():
	}
	stopped := make(chan struct{})
	go func() {
		srv.GracefulStop()
		close(stopped)
	}()
	var err error
	timer := time.NewTimer(stopTime)
	defer timer.Stop()
	select {
	case <-stopped:
	case <-timer.C:
		srv.Stop()
		err = fmt.Errorf("stop otlp grpc: exports were cut off after %s", stopTime)
	}
	<-stopped
	<-failed
	return err
}

// service describes one Export method. It is served as a stream of one message, which is the same on the wire: so the
// caller is known, and room is made, before the message is read.
func (r *Receiver) service(name string, sig signal) *grpc.ServiceDesc {
	return &grpc.ServiceDesc{ServiceName: name, Streams: []grpc.StreamDesc{{
		StreamName: "Export", ServerStreams: true,
		Handler: func(_ any, stream grpc.ServerStream) error {
			began := time.Now()
			out := r.exportGRPC(stream, sig)
			r.answered(stream.Context(), "grpc", sig, out, began)
			if out != nil {
				return out.grpc()
			}
			return stream.SendMsg(&message{})
		},
	}}}
}

func (r *Receiver) exportGRPC(stream grpc.ServerStream, sig signal) *refusal {
	ctx := stream.Context()
	who, err := r.callerOf(ctx)
	if err != nil {
		return refuse(unauthenticated, "%s", err)
	}
	s := share{flight: r.flight, patience: r.patience}
	defer s.release()
	if out := s.grow(ctx, readStep); out != nil {
		return out
	}
	var msg message
	if err := stream.RecvMsg(&msg); err != nil {
		if status.Code(err) == codes.ResourceExhausted {
			return refuse(tooLarge, "the message is larger than %d bytes: send smaller batches", r.cfg.MaxUnpacked)
		}
		return refuse(interrupted, "the message ended early")
	}
	if out := s.grow(ctx, int64(len(msg.body))); out != nil {
		return out
	}
	return r.ingest(ctx, sig, wire.Protobuf, msg.body, who, &s)
}

func (r *Receiver) callerOf(ctx context.Context) (credential.Holder, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return credential.Holder{}, errors.New("the connection has no peer")
	}
	header := strings.Join(metadata.ValueFromIncomingContext(ctx, "authorization"), ",")
	var who credential.Holder
	var err error
	if info, ok := p.AuthInfo.(credentials.TLSInfo); ok {
		who, err = r.authenticate(header, &info.State)
	} else {
		who, err = r.authenticate(header, nil)
	}
	who.IP, _, _ = net.SplitHostPort(p.Addr.String())
	return who, err
}

// rpcCodes are the answers to what was not accepted. Exporters try again on UNAVAILABLE, and on RESOURCE_EXHAUSTED only
// where RetryInfo comes with it (https://opentelemetry.io/docs/specs/otlp/#failures).
var rpcCodes = map[result]codes.Code{
	unavailable: codes.Unavailable, busy: codes.Unavailable, interrupted: codes.Unavailable, tooLarge: codes.ResourceExhausted,
	notOTLP: codes.InvalidArgument, unauthenticated: codes.Unauthenticated, forbidden: codes.PermissionDenied,
	unsupported: codes.Unimplemented, internal: codes.Internal,
}

func (r *refusal) grpc() error {
	st := status.New(rpcCodes[r.result], r.text)
	if st.Code() == codes.Unavailable {
		if with, err := st.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(retryAfter)}); err == nil {
			st = with
		}
	}
	return st.Err()
}

// message is one protobuf message as it came; an empty one is the answer to an accepted export.
type message struct{ body string }

// rawCodec leaves the reading of messages to package wire, which reads them in bounds.
type rawCodec struct{}

func (rawCodec) Marshal(any) (mem.BufferSlice, error) { return mem.BufferSlice{}, nil }

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	msg, ok := v.(*message)
	if !ok {
		return fmt.Errorf("cannot unmarshal into %T", v)
	}
	var b strings.Builder
	b.Grow(data.Len())
	for _, buf := range data {
		b.Write(buf.ReadOnlyData())
	}
	msg.body = b.String()
	return nil
}

func (rawCodec) Name() string { return "proto" }
