package sweep

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// known is what the readings so far have shown, by list and id, those that are gone included.
type known map[string]map[string]*entry

// entry is what is remembered of a thing: what differences are told by, and what a record says of the time before. Of
// content there is a keyed sum and no more: what is erased must not live on here. Of what is gone nothing is left but
// that it was there.
type entry struct {
	N    int    `json:"n"` // records made of it
	Is   fields `json:"is,omitempty"`
	Gone bool   `json:"gone,omitempty"`
	Out  bool   `json:"out,omitempty"` // went missing together with an organisation that is out of reach
}

// fields are those a thing differs by, as JSON of a map; one that stands for content has sumMark before its name.
type fields []byte

const sumMark = "~"

// MarshalJSON writes the fields as the JSON they are.
func (f fields) MarshalJSON() ([]byte, error) { return json.RawMessage(f).MarshalJSON() }

// UnmarshalJSON keeps them as they come.
func (f *fields) UnmarshalJSON(b []byte) error {
	*f = slices.Clone(b)
	return nil
}

func (f fields) values() (map[string]audit.Value, error) {
	if len(f) == 0 {
		return nil, nil
	}
	var m map[string]audit.Value
	err := json.Unmarshal(f, &m)
	return m, err
}

// fieldsOf is what a thing differs by, the same for the same in whatever order it comes.
func fieldsOf(t *Thing, sum func([]byte) string) (fields, error) {
	m := make(map[string]audit.Value, len(t.Fields))
	for i := range t.Fields {
		switch f := &t.Fields[i]; {
		case !f.Differs:
		case f.Class == audit.ClassMetadata:
			m[f.Name] = f.Value
		default:
			m[sumMark+f.Name] = audit.String(sum(f.Content))
		}
	}
	return json.Marshal(m)
}

// there counts the things of a list that are not gone.
func (k known) there(list string) (n int) {
	for _, e := range k[list] {
		if !e.Gone {
			n++
		}
	}
	return n
}

// missing are those of a list that are not gone and not among what was read, sorted.
func (k known) missing(list string, read map[string]*Thing) []string {
	var ids []string
	for id, e := range k[list] {
		if !e.Gone && read[id] == nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// below are the lists that a thing holds, and those of what stands in them, sorted.
func (k known) below(list, id string) []string {
	var names []string
	for name := range k {
		if strings.HasPrefix(name, list+"/"+id+"/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// set remembers a thing, and returns what undoes that.
func (k known) set(list, id string, e entry) (undo func()) {
	if k[list] == nil {
		k[list] = map[string]*entry{}
	}
	was, there := k[list][id]
	k[list][id] = &e
	return func() {
		if k[list][id] = was; !there {
			delete(k[list], id)
		}
	}
}
