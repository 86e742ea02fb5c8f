//go:build ignore

// Pack makes the packed schemas of this package out of checkouts of the schema's repository.
//
//	git clone --branch 1.6.0 https://github.com/ocsf/ocsf-schema 1.6.0
//	go run pack.go 1.6.0 1.8.0
//
// Each argument is a folder that is named for its version. What a check does not need (descriptions, references,
// extensions) is left out; nothing else is changed. The same checkout gives the same bytes.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// unneeded are keys that only readers need.
var unneeded = map[string]bool{
	"description": true, "references": true, "observable": true, "@deprecated": true, "group": true, "sibling": true, "source": true,
	"suppress_checks": true, "annotations": true, "associations": true, "type_name": true, "meta": true,
}

func main() {
	for _, dir := range os.Args[1:] {
		if err := pack(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func pack(dir string) error {
	all := map[string]any{"version": filepath.Base(dir)}
	for _, name := range []string{"dictionary", "categories"} {
		v, err := read(filepath.Join(dir, name+".json"))
		if err != nil {
			return err
		}
		all[name] = v
	}
	for _, part := range []string{"events", "objects", "profiles"} {
		found := map[string]any{}
		err := filepath.WalkDir(filepath.Join(dir, part), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".json") {
				return err
			}
			v, err := read(path)
			if err == nil {
				found[v.(map[string]any)["name"].(string)] = v
			}
			return err
		})
		if err != nil {
			return err
		}
		all[part] = found
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	z.Write(raw)
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Base(dir)+".json.gz", b.Bytes(), 0o644)
}

func read(path string) (any, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var v map[string]any
	if err := json.Unmarshal(b, &v); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return strip(v, false), nil
}

// strip leaves out what is unneeded. The keys of an object of attributes are names, and stay.
func strip(v any, names bool) any {
	switch v := v.(type) {
	case map[string]any:
		for k, in := range v {
			if !names && unneeded[k] {
				delete(v, k)
				continue
			}
			v[k] = strip(in, !names && (k == "attributes" || k == "enum"))
		}
	case []any:
		for i := range v {
			v[i] = strip(v[i], false)
		}
	}
	return v
}
