package schema

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
)

// resolver writes out what definitions inherit.
type resolver struct{ p *packed }

func (r *resolver) resolve() (*Schema, error) {
	s := &Schema{Version: r.p.Version, Classes: map[int]*Class{}, objects: map[string]*Object{}, types: map[string]*scalar{}}
	for name, t := range r.p.Dictionary.Types.Attributes {
		made, err := r.scalar(name, t)
		if err != nil {
			return nil, err
		}
		s.types[name] = made
	}
	for name := range r.p.Objects {
		o := &Object{Name: name}
		if err := r.fill(o, r.p.Objects, name, nil); err != nil {
			return nil, err
		}
		s.objects[name] = o
	}
	for name, d := range r.p.Events {
		if d.UID == nil && name != "base_event" {
			continue // what other classes extend
		}
		c, err := r.class(name)
		if err != nil {
			return nil, err
		}
		s.Classes[c.UID] = c
	}
	for _, c := range s.Classes {
		if err := s.complete(&c.Object); err != nil {
			return nil, err
		}
	}
	for _, o := range s.objects {
		if err := s.complete(o); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// complete checks that every attribute has a type there is.
func (s *Schema) complete(o *Object) error {
	for name, a := range o.Attributes {
		if s.types[a.Type] == nil && s.objects[a.Type] == nil {
			return fmt.Errorf("schema %s: %s.%s has the unknown type %q", s.Version, o.Name, name, a.Type)
		}
	}
	return nil
}

func (r *resolver) class(name string) (*Class, error) {
	c := &Class{Object: Object{Name: name}}
	var profiles []string
	if err := r.fill(&c.Object, r.p.Events, name, &profiles); err != nil {
		return nil, err
	}
	category := ""
	for at := name; at != "" && category == ""; {
		category, at = r.p.Events[at].Category, r.p.Events[at].Extends
	}
	group := r.p.Categories.Attributes[category] // "other" is not in the list, and has uid 0
	uid := 0
	if d := r.p.Events[name]; d.UID != nil {
		uid = *d.UID
	}
	c.CategoryUID, c.Category, c.UID = group.UID, group.Caption, group.UID*1000+uid
	c.Profiles = profileNames(profiles, r.p.Objects)
	c.Attributes["class_uid"] = fixed(c.Attributes["class_uid"], c.UID, c.Caption)
	c.Attributes["category_uid"] = fixed(c.Attributes["category_uid"], c.CategoryUID, c.Category)
	return c, nil
}

func fixed(a *Attribute, value int, caption string) *Attribute {
	b := *a
	b.Enum = map[string]string{strconv.Itoa(value): caption}
	return &b
}

const deepest = 16 // levels of inheritance

// fill writes into an object what the definition of a name says, after what that extends.
func (r *resolver) fill(o *Object, from map[string]*definition, name string, profiles *[]string) error {
	var chain []*definition
	for at := name; at != ""; {
		d, ok := from[at]
		if !ok || len(chain) == deepest {
			return fmt.Errorf("schema %s: %s extends %q, which is not there or extends it", r.p.Version, name, at)
		}
		chain = append(chain, d)
		at = d.Extends
	}
	o.Attributes = map[string]*Attribute{}
	for i := len(chain) - 1; i >= 0; i-- {
		d := chain[i]
		o.Caption = d.Caption
		if err := r.include(o, d); err != nil {
			return err
		}
		for attr, raw := range d.Attributes {
			if attr == "$include" {
				continue
			}
			if err := r.merge(o, attr, raw, ""); err != nil {
				return err
			}
		}
		if list, ok := d.Constraints["at_least_one"]; ok {
			o.AtLeastOne = list
		}
		if list, ok := d.Constraints["just_one"]; ok {
			o.JustOne = list
		}
		if profiles != nil {
			*profiles = append(*profiles, d.Profiles...)
		}
	}
	return nil
}

// include writes in what a definition includes of profiles.
func (r *resolver) include(o *Object, d *definition) error {
	raw, ok := d.Attributes["$include"]
	if !ok {
		return nil
	}
	var paths []string
	if err := json.Unmarshal(raw, &paths); err != nil {
		return fmt.Errorf("schema %s: $include of %s: %w", r.p.Version, d.Name, err)
	}
	for _, path := range paths {
		name := profileName.FindStringSubmatch(path)
		if name == nil || r.p.Profiles[name[1]] == nil {
			return fmt.Errorf("schema %s: %s includes the unknown %q", r.p.Version, d.Name, path)
		}
		for attr, raw := range r.p.Profiles[name[1]].Attributes {
			if err := r.merge(o, attr, raw, name[1]); err != nil {
				return err
			}
		}
	}
	return nil
}

var profileName = regexp.MustCompile(`^profiles/(.*)\.json$`)

// merge lays a definition of an attribute over what is known of it: the dictionary, then what is inherited.
func (r *resolver) merge(o *Object, name string, raw json.RawMessage, profile string) error {
	var d definition
	if err := json.Unmarshal(raw, &d); err != nil {
		return fmt.Errorf("schema %s: %s.%s: %w", r.p.Version, o.Name, name, err)
	}
	a := &Attribute{Profile: profile}
	if known, ok := o.Attributes[name]; ok {
		*a = *known
		if profile != "" {
			a.Profile = profile
		}
	} else {
		word, ok := r.p.Dictionary.Attributes[name]
		if !ok {
			return fmt.Errorf("schema %s: %s.%s is not in the dictionary", r.p.Version, o.Name, name)
		}
		a.Type, a.Array, a.Enum = word.Type, word.IsArray, extended(nil, word.Enum)
	}
	if d.Type != "" {
		a.Type = d.Type
	}
	if d.IsArray {
		a.Array = true
	}
	if d.Requirement != "" {
		a.Required = d.Requirement == "required"
	}
	if string(d.Profile) == "null" {
		a.Profile = ""
	} else if len(d.Profile) > 0 {
		if err := json.Unmarshal(d.Profile, &a.Profile); err != nil {
			return fmt.Errorf("schema %s: profile of %s.%s: %w", r.p.Version, o.Name, name, err)
		}
	}
	a.Enum = extended(a.Enum, d.Enum)
	o.Attributes[name] = a
	return nil
}

func extended(was map[string]string, more map[string]struct{ Caption string }) map[string]string {
	if len(more) == 0 {
		return was
	}
	m := make(map[string]string, len(was)+len(more))
	for k, v := range was {
		m[k] = v
	}
	for k, v := range more {
		m[k] = v.Caption
	}
	return m
}

func (r *resolver) scalar(name string, t typeOf) (*scalar, error) {
	s := &scalar{name: name, base: name, maxLen: t.MaxLen}
	if t.Type != "" {
		s.base = t.Type
	}
	if len(t.Range) == 2 {
		s.bounded, s.low, s.high = true, t.Range[0], t.Range[1]
	}
	if t.Regex != "" {
		re, err := regexp.Compile(t.Regex)
		if err != nil {
			return nil, fmt.Errorf("schema %s: pattern of %s: %w", r.p.Version, name, err)
		}
		s.pattern = re
	}
	return s, nil
}
