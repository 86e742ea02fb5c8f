// Package downstream makes the data files people need where OCSF events of Tripod arrive: field mappings for Splunk's
// Common Information Model, Microsoft Sentinel's ASIM, Google SecOps' UDM, and pySigma pipelines for rules that are
// written in Tripod's own fields.
//
// It promises: all files are made from two tables, classes.tsv and fields.tsv, which tests hold against the events that
// are really written; the same build makes the same bytes. Nothing is durable before Write returns; files appear whole or
// not at all, in no promised order. Everything here is safe for concurrent use but Write into one directory.
package downstream

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// File is one file, its path relative to the directory it is written to.
type File struct {
	Path string
	Data []byte
}

// Targets lists what there are files for.
func Targets() []string { return []string{"splunk", "sentinel", "secops", "pysigma"} }

// Files makes the files for a target. An unknown target is an error that names the known ones.
func Files(target string) ([]File, error) {
	maker, ok := map[string]func(*tables) ([]File, error){"splunk": splunk, "sentinel": sentinel, "secops": secops, "pysigma": pysigma}[target]
	if !ok {
		return nil, fmt.Errorf("there are no files for %q, but for %s", target, strings.Join(Targets(), ", "))
	}
	t, err := read()
	if err != nil {
		return nil, err
	}
	list, err := maker(t)
	for i := range list {
		list[i].Path = filepath.Join(target, list[i].Path)
	}
	return list, err
}

// Write writes the files of targets into a directory, over files of the same names, and returns their paths.
func Write(dir string, targets []string) ([]string, error) {
	var written []string
	for _, target := range targets {
		list, err := Files(target)
		if err != nil {
			return written, err
		}
		for _, f := range list {
			path := filepath.Join(dir, f.Path)
			if err := place(path, f.Data); err != nil {
				return written, fmt.Errorf("write %s: %w", path, err)
			}
			written = append(written, path)
		}
	}
	return written, nil
}

func place(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

//go:embed classes.tsv
var classesTSV string

//go:embed fields.tsv
var fieldsTSV string

// class is what a class and activity is elsewhere.
type class struct {
	uid, activity     int
	tags              []string // of Splunk's model
	action            string
	schema, eventType string // of Sentinel's
	udm               string
}

// field is where something that stands in an event stands elsewhere.
type field struct{ ocsf, cim, asim, udm string }

type tables struct {
	classes []class
	fields  []field
}

func read() (*tables, error) {
	t := new(tables)
	for _, f := range rows(classesTSV) {
		if len(f) != 7 {
			return nil, fmt.Errorf("classes.tsv: %q has %d columns", f, len(f))
		}
		uid, err := strconv.Atoi(f[0])
		if err != nil {
			return nil, fmt.Errorf("classes.tsv: %w", err)
		}
		activity, err := strconv.Atoi(f[1])
		if err != nil {
			return nil, fmt.Errorf("classes.tsv: %w", err)
		}
		c := class{uid: uid, activity: activity, action: f[3], schema: f[4], eventType: f[5], udm: f[6]}
		if f[2] != none {
			c.tags = strings.Split(f[2], ",")
		}
		t.classes = append(t.classes, c)
	}
	for _, f := range rows(fieldsTSV) {
		if len(f) != 4 {
			return nil, fmt.Errorf("fields.tsv: %q has %d columns", f, len(f))
		}
		t.fields = append(t.fields, field{f[0], f[1], f[2], f[3]})
	}
	return t, nil
}

const none = "-"

func rows(table string) (list [][]string) {
	for line := range strings.Lines(table) {
		if line = strings.TrimSuffix(line, "\n"); line != "" && !strings.HasPrefix(line, "#") {
			list = append(list, strings.Split(line, "\t"))
		}
	}
	return list
}

// sources lists, for each name in a model, the places of an event it is taken from, both in the order of the table.
func (t *tables) sources(of func(field) string) (names []string, from map[string][]string) {
	from = map[string][]string{}
	for _, f := range t.fields {
		name := of(f)
		if name == none {
			continue
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		from[name] = append(from[name], f.ocsf)
	}
	return names, from
}

const made = "Made by tripod export siem; edits are lost when it is run again."
