package console

import (
	"net/http"
	"strconv"
	"strings"
)

// static serves the embedded files. Their addresses hold a digest, so a browser may keep them for ever.
func (c *Console) static(w http.ResponseWriter, r *http.Request) {
	asset := c.pages.Assets().Lookup(r.URL.Path)
	if asset == nil {
		http.Error(w, "no such file", http.StatusNotFound)
		return
	}
	h := w.Header()
	etag := `"` + asset.Digest + `"`
	h.Set("Content-Type", asset.Type)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", etag)
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := asset.Plain
	if acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = asset.Gzip
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // a browser that went away is no error of ours
}

func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, params, _ := strings.Cut(part, ";")
		if strings.TrimSpace(name) == "gzip" {
			return strings.ReplaceAll(params, " ", "") != "q=0"
		}
	}
	return false
}
