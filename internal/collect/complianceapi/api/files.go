package api

import (
	"bytes"
	"context"
	"crypto/md5" // what the server sums its downloads with
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/secret"
)

// ErrBroken: a download ended early, or is not what its checksum is of. Another one may be whole.
var ErrBroken = errors.New("the download is not whole")

// downloadTime bounds one download. It is shorter than the content store's sweep waits for what is being delivered.
const downloadTime = 9 * time.Minute

// File fetches what is known of a file of a chat or a project; the routes of files Claude generated differ.
//
// Source: https://platform.claude.com/docs/en/manage-claude/compliance-content-data.
func (c *Client) File(ctx context.Context, id string, p Priority) (Object, error) {
	path, err := route(fileRoute(id), id)
	if err != nil {
		return Object{}, err
	}
	return c.object(ctx, path, p)
}

// FileContent downloads a file, at most so many bytes of it. What is served may be a variant of what was uploaded.
func (c *Client) FileContent(ctx context.Context, id string, most int64, p Priority) (io.ReadCloser, error) {
	return c.download(ctx, fileRoute(id)+"/content", most, p, id)
}

func fileRoute(id string) string {
	if strings.HasPrefix(id, "claude_gen_file_") { // what Claude generated may have an id of the other kind, and then its route
		return "/v1/compliance/apps/chats/generated-files/%s"
	}
	return "/v1/compliance/apps/chats/files/%s"
}

// Artifact fetches what is known of one version of an artifact of a chat.
func (c *Client) Artifact(ctx context.Context, version string, p Priority) (Object, error) {
	path, err := route("/v1/compliance/apps/artifacts/%s", version)
	if err != nil {
		return Object{}, err
	}
	return c.object(ctx, path, p)
}

// ArtifactContent downloads one version of an artifact: a JSON object with its text.
func (c *Client) ArtifactContent(ctx context.Context, version string, most int64, p Priority) (io.ReadCloser, error) {
	return c.download(ctx, "/v1/compliance/apps/artifacts/%s/content", most, p, version)
}

// CodeArtifactVersion downloads one version of a published artifact. The server has some only as several files, and says
// 422 then.
func (c *Client) CodeArtifactVersion(ctx context.Context, artifact, version string, most int64, p Priority) (io.ReadCloser, error) {
	return c.download(ctx, "/v1/compliance/apps/code/artifacts/%s/versions/%s", most, p, artifact, version)
}

// download opens a download. Reading it ends with ErrTooLarge beyond most bytes, and with ErrBroken where it broke off or
// is not what its checksum is of; nothing that was read is whole before its end.
func (c *Client) download(ctx context.Context, format string, most int64, p Priority, ids ...string) (io.ReadCloser, error) {
	path, err := route(format, ids...)
	if err != nil {
		return nil, err
	}
	var d *download
	err = c.attempts(ctx, path, p, nil, func(key secret.String) error {
		d, err = c.openDownload(ctx, path, most, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

func (c *Client) openDownload(ctx context.Context, path string, most int64, key secret.String) (_ *download, err error) {
	ctx, cancel := context.WithTimeout(ctx, downloadTime)
	defer func() {
		if err != nil {
			cancel()
		}
	}()
	res, call, err := c.open(ctx, http.MethodGet, path, url.Values{}, key)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		_, err := c.read(ctx, res, call, call.Date, key)
		return nil, err
	}
	d := &download{path: path, request: call.RequestID, body: res.Body, cancel: cancel, left: most, sum: md5.New()}
	if want := res.Header.Get("Content-Md5"); want != "" {
		if d.want, err = base64.StdEncoding.DecodeString(want); err != nil || len(d.want) != md5.Size {
			d.want = nil // what is no checksum checks nothing
		}
	}
	return d, nil
}

// download is a body on its way.
type download struct {
	path, request string
	body          io.ReadCloser
	cancel        context.CancelFunc
	left          int64
	sum           hash.Hash
	want          []byte // nil where the server sent no checksum
}

// Read implements io.Reader.
func (d *download) Read(p []byte) (int, error) {
	n, err := d.body.Read(p)
	d.sum.Write(p[:n]) // never fails
	if d.left -= int64(n); d.left < 0 {
		return 0, fmt.Errorf("%s, request %s: %w", d.path, d.request, ErrTooLarge)
	}
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		return n, fmt.Errorf("%s, request %s: %w: %w", d.path, d.request, ErrBroken, err)
	case d.want != nil && !bytes.Equal(d.sum.Sum(nil), d.want):
		return n, fmt.Errorf("%s, request %s: %w: its checksum is of other bytes", d.path, d.request, ErrBroken)
	}
	return n, io.EOF
}

// Close implements io.Closer.
func (d *download) Close() error {
	d.cancel()
	return d.body.Close()
}
