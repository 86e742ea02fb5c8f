package capture

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// Send delivers one export over http/json to a receiver's base URL. An answer other than 200 is an error.
func (e Export) Send(ctx context.Context, client *http.Client, url string) error {
	body, err := json.Marshal(e.Body)
	if err != nil {
		return fmt.Errorf("encode %s: %w", e.Signal, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/"+e.Signal, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("send %s: %w", e.Signal, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "OTel-OTLP-Exporter-JavaScript/0.208.0")
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("send %s: %w", e.Signal, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 4096))
	if err != nil {
		return fmt.Errorf("send %s: %w", e.Signal, err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("send %s: answered %s: %.300s", e.Signal, res.Status, answer)
	}
	return nil
}
