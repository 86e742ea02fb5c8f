package messages

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// media describes base64 data without keeping it. raw is the JSON string, quotes included.
func media(kind string, raw []byte, at span) Media {
	text := raw[1 : len(raw)-1]
	if bytes.IndexByte(text, '\\') >= 0 { // some clients write \/
		if plain, err := jsontext.AppendUnquote(nil, raw); err == nil {
			text = plain
		}
	}
	m := Media{Type: kind, Start: at.start, End: at.end}
	h := sha256.New()
	n, err := io.Copy(h, base64.NewDecoder(base64.StdEncoding, bytes.NewReader(text)))
	if err != nil {
		h.Reset()
		h.Write(text)
		n = int64(len(text))
	}
	m.Bytes = int(n)
	h.Sum(m.Hash[:0])
	return m
}

// capabilityOf tells what a block lets the vendor's servers do, by its type.
func capabilityOf(b *Block) capability {
	if b.Part == Message {
		if b.Type == "container_upload" {
			return capFiles
		}
		return 0
	}
	if b.Part != Tools {
		return 0
	}
	switch {
	case strings.HasPrefix(b.Type, "web_search"):
		return capWebSearch
	case strings.HasPrefix(b.Type, "web_fetch"):
		return capWebFetch
	case strings.HasPrefix(b.Type, "code_execution"):
		return capCodeExecution
	case b.Type == "mcp_toolset":
		return capMCPServers
	}
	return 0
}
