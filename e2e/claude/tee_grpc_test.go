//go:build claude

package claude

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip" // clients may compress
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// frame is one gRPC message as it is on the wire.
type frame []byte

// rawCodec passes frames through undecoded, so that serve sees exactly what the client sent.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	f, ok := v.(*frame)
	if !ok {
		return nil, fmt.Errorf("marshal %T: not a frame", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(*f)}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	f, ok := v.(*frame)
	if !ok {
		return fmt.Errorf("unmarshal into %T: not a frame", v)
	}
	*f = data.Materialize()
	return nil
}

// maxFrame is well above anything a client exports at once.
const maxFrame = 64 << 20

func (e *tee) startGRPC() error {
	e.grpc = grpc.NewServer(
		grpc.ForceServerCodecV2(rawCodec{}), grpc.UnknownServiceHandler(e.serveGRPC), grpc.MaxRecvMsgSize(maxFrame))
	if e.upstreamGRPC == "" {
		return nil
	}
	conn, err := grpc.NewClient(e.upstreamGRPC, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawCodec{}), grpc.MaxCallSendMsgSize(maxFrame)))
	e.conn = conn
	return err
}

// signalOfMethod maps /opentelemetry.proto.collector.logs.v1.LogsService/Export to "logs", and so on.
func signalOfMethod(method string) string {
	switch {
	case strings.Contains(method, ".collector.logs.v1."):
		return "logs"
	case strings.Contains(method, ".collector.metrics.v1."):
		return "metrics"
	case strings.Contains(method, ".collector.trace.v1."):
		return "traces"
	}
	return ""
}

// serveGRPC passes one OTLP/gRPC export on.
func (e *tee) serveGRPC(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	var in, out frame
	if err := stream.RecvMsg(&in); err != nil {
		return err // the client died in the middle: nothing reached anybody
	}
	md, _ := metadata.FromIncomingContext(stream.Context())
	x := export{signal: signalOfMethod(method), transport: "grpc", header: strings.Join(md.Get(madeUpHeader), ",")}
	x.err = x.decode(in)
	x.verdict = e.ask(x)
	if x.verdict == drop {
		e.note(x)
		return status.Error(codes.InvalidArgument, "the tee drops this")
	}
	var err error
	if e.conn != nil {
		// Not the call's context: an export that came whole is passed on even if the client is gone by then.
		ctx := metadata.NewOutgoingContext(context.WithoutCancel(stream.Context()), forwardable(md))
		err = e.conn.Invoke(ctx, method, &in, &out)
	}
	x.status = status.Code(err).String()
	x.acknowledged = err == nil
	e.note(x)
	if x.verdict == lose {
		return status.Error(codes.Unavailable, "the tee lost the answer")
	}
	if err != nil {
		return err
	}
	return stream.SendMsg(&out)
}

// forwardable drops the metadata that belongs to the connection it came on.
func forwardable(md metadata.MD) metadata.MD {
	md = md.Copy()
	for name := range md {
		if strings.HasPrefix(name, ":") || strings.HasPrefix(name, "grpc-") || name == "content-type" || name == "user-agent" || name == "te" {
			delete(md, name)
		}
	}
	return md
}
