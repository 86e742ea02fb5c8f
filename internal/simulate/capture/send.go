package capture

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Sender delivers exports to one receiver, the way the client does: the next waits for the answer to the last.
type Sender struct {
	HTTP *http.Client
	URL  string           // base URL of the HTTP receiver
	GRPC *grpc.ClientConn // for protocol "grpc"; see Dial
}

// Dial connects to a gRPC receiver on loopback, without TLS. The caller closes the connection.
func Dial(addr string) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", addr, err)
	}
	return conn, nil
}

// Send delivers one export over "http/json", "http/protobuf" or "grpc". An answer other than success is an error.
func (s *Sender) Send(ctx context.Context, e Export, protocol string) error {
	js, err := json.Marshal(e.Body)
	if err != nil {
		return fmt.Errorf("encode %s: %w", e.Signal, err)
	}
	if protocol == "http/json" {
		return s.post(ctx, e.Signal, "application/json", js)
	}
	switch e.Signal {
	case "logs":
		req := plogotlp.NewExportRequest()
		if err = req.UnmarshalJSON(js); err == nil {
			err = s.deliver(ctx, e.Signal, protocol, req, func() error {
				_, err := plogotlp.NewGRPCClient(s.GRPC).Export(ctx, req)
				return err
			})
		}
	case "metrics":
		req := pmetricotlp.NewExportRequest()
		if err = req.UnmarshalJSON(js); err == nil {
			err = s.deliver(ctx, e.Signal, protocol, req, func() error {
				_, err := pmetricotlp.NewGRPCClient(s.GRPC).Export(ctx, req)
				return err
			})
		}
	case "traces":
		req := ptraceotlp.NewExportRequest()
		if err = req.UnmarshalJSON(js); err == nil {
			err = s.deliver(ctx, e.Signal, protocol, req, func() error {
				_, err := ptraceotlp.NewGRPCClient(s.GRPC).Export(ctx, req)
				return err
			})
		}
	default:
		err = fmt.Errorf("no signal %q", e.Signal)
	}
	if err != nil {
		return fmt.Errorf("send %s over %s: %w", e.Signal, protocol, err)
	}
	return nil
}

func (s *Sender) deliver(ctx context.Context, signal, protocol string, req interface{ MarshalProto() ([]byte, error) }, overGRPC func() error) error {
	if protocol == "grpc" {
		return overGRPC()
	}
	b, err := req.MarshalProto()
	if err != nil {
		return err
	}
	return s.post(ctx, signal, "application/x-protobuf", b)
}

func (s *Sender) post(ctx context.Context, signal, contentType string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/v1/"+signal, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("User-Agent", "OTel-OTLP-Exporter-JavaScript/0.208.0")
	res, err := s.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 4096))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %s: %.300s", res.Status, answer)
	}
	return nil
}
