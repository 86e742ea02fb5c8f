package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
)

//go:embed static
var staticFiles embed.FS

// StaticPath is below which the assets are served, each under a name that holds its digest.
const StaticPath = "/static/"

// Asset is one embedded file.
type Asset struct {
	Name   string // "frame.css"
	Type   string // media type
	Digest string // hex, of the plain bytes
	Plain  []byte
	Gzip   []byte
}

// Assets are the embedded files, by the address pages refer to them. They never change.
type Assets struct {
	byName map[string]*Asset
	byURL  map[string]*Asset
}

var mediaTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".LICENSE": "text/plain; charset=utf-8",
}

func newAssets() (*Assets, error) {
	a := &Assets{byName: make(map[string]*Asset), byURL: make(map[string]*Asset)}
	files, err := staticFiles.ReadDir("static")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		asset, err := newAsset(f.Name())
		if err != nil {
			return nil, err
		}
		a.byName[asset.Name] = asset
		a.byURL[asset.url()] = asset
	}
	return a, nil
}

func newAsset(name string) (*Asset, error) {
	plain, err := staticFiles.ReadFile("static/" + name)
	if err != nil {
		return nil, err
	}
	media := mediaTypes[path.Ext(name)]
	if media == "" {
		return nil, fmt.Errorf("asset %s: no media type for its name", name)
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(plain); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(plain)
	return &Asset{Name: name, Type: media, Digest: hex.EncodeToString(sum[:]), Plain: plain, Gzip: packed.Bytes()}, nil
}

// url holds the digest, so that a browser may keep the file for ever.
func (a *Asset) url() string {
	ext := path.Ext(a.Name)
	return StaticPath + strings.TrimSuffix(a.Name, ext) + "." + a.Digest[:16] + ext
}

// URL is where pages find an asset by its plain name.
func (a *Assets) URL(name string) (string, error) {
	if asset := a.byName[name]; asset != nil {
		return asset.url(), nil
	}
	return "", fmt.Errorf("no asset %q", name)
}

// Lookup finds the asset behind an address, nil if there is none.
func (a *Assets) Lookup(url string) *Asset { return a.byURL[url] }
