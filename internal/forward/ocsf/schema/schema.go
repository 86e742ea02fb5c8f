// Package schema holds the Open Cybersecurity Schema Framework (https://schema.ocsf.io) and checks events against it.
//
// It promises: Validate reports every departure it finds from what the schema's own files say of an event's class: what
// is required, which attributes exist (those of a profile only where the event names the profile), their types, value
// lists, ranges and patterns, and which of several must be there. It takes any bytes and never panics. Nothing is
// durable; a Schema never changes once it is loaded and is safe for concurrent use.
//
// The schema files are those of https://github.com/ocsf/ocsf-schema at the tags of the same names, under the Apache
// License 2.0 (LICENSE, NOTICE); pack.go says how they were packed. Extensions of the schema are not part of it.
package schema

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
)

// Versions lists the versions of the schema there are, the oldest first.
func Versions() []string { return []string{"1.6.0", "1.8.0"} }

//go:embed 1.6.0.json.gz 1.8.0.json.gz LICENSE NOTICE
var files embed.FS

// loaded are the schemas, each resolved when it is first asked for.
var loaded = map[string]func() (*Schema, error){
	"1.6.0": sync.OnceValues(func() (*Schema, error) { return read("1.6.0") }),
	"1.8.0": sync.OnceValues(func() (*Schema, error) { return read("1.8.0") }),
}

// Load gives the schema of a version. An unknown version is an error that names the known ones.
func Load(version string) (*Schema, error) {
	load, ok := loaded[version]
	if !ok {
		return nil, fmt.Errorf("no OCSF schema of version %q: there are %q", version, Versions())
	}
	return load()
}

// Schema is one version of the schema with everything that classes and objects inherit written out.
type Schema struct {
	Version string
	Classes map[int]*Class
	objects map[string]*Object
	types   map[string]*scalar
}

// Class is a class of events.
type Class struct {
	Object
	UID         int
	CategoryUID int
	Category    string // its caption
	Profiles    []string
}

// Object is what may be in an object, or in an event.
type Object struct {
	Name       string
	Caption    string
	Attributes map[string]*Attribute
	AtLeastOne []string
	JustOne    []string
}

// Attribute is one attribute of an object.
type Attribute struct {
	Type     string // of the dictionary: "string_t" …, else the name of an object
	Array    bool
	Required bool
	Profile  string            // the profile it belongs to, "" for none
	Enum     map[string]string // caption by value; nil where any value goes
}

// The form of the packed files.
type (
	packed struct {
		Version    string
		Categories struct {
			Attributes map[string]struct {
				Caption string
				UID     int
			}
		}
		Dictionary struct {
			Attributes map[string]definition
			Types      struct{ Attributes map[string]typeOf }
		}
		Events, Objects, Profiles map[string]*definition
	}
	definition struct { // of an event, an object, a profile or an attribute
		Name, Caption, Extends, Category string
		UID                              *int
		Attributes                       map[string]json.RawMessage
		Constraints                      map[string][]string
		Profiles                         []string

		Type        string
		IsArray     bool `json:"is_array"`
		Requirement string
		Profile     json.RawMessage // null takes an attribute out of its profile
		Enum        map[string]struct{ Caption string }
	}
	typeOf struct {
		Type   string
		Regex  string
		MaxLen int `json:"max_len"`
		Range  []int64
	}
)

func read(version string) (*Schema, error) {
	b, err := files.ReadFile(version + ".json.gz")
	if err != nil {
		return nil, fmt.Errorf("read the embedded schema: %w", err)
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("read the embedded schema: %w", err)
	}
	var p packed
	if err := json.NewDecoder(z).Decode(&p); err != nil {
		return nil, fmt.Errorf("read the embedded schema %s: %w", version, err)
	}
	return (&resolver{p: &p}).resolve()
}

// ClassNames lists the classes by their uid.
func (s *Schema) ClassNames() map[int]string {
	m := make(map[int]string, len(s.Classes))
	for uid, c := range s.Classes {
		m[uid] = c.Caption
	}
	return m
}

// profileNames lists the profiles that may be named by an event of the class: its own, and those of objects.
func profileNames(own []string, objects map[string]*definition) []string {
	list := slices.Clone(own)
	for _, o := range objects {
		list = append(list, o.Profiles...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}
