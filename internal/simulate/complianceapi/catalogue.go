package complianceapi

import (
	_ "embed"
	"encoding/json"
	"fmt"
)

// activitiesJSON lists the activity types that the vendor's pages name, with their fields: the reference of
// https://platform.claude.com/docs/en/api/compliance/activities/list as of November 2026, one type a line.
//
//go:embed activities.json
var activitiesJSON []byte

// catalogue is the vendor's list of activity types.
type catalogue struct {
	Source string  `json:"source"`
	Date   string  `json:"date"`
	Types  []*kind `json:"types"`

	byName map[string]*kind
}

// kind is one activity type.
type kind struct {
	Type    string   `json:"type"`
	Fields  []field  `json:"f"`
	Actors  []string `json:"a"`       // who can do it; none: any
	Blank   []string `json:"blank"`   // fields that are empty since 2026-09-24
	Unknown bool     `json:"unknown"` // its fields are not documented
}

// field is a field of an activity beside those that all have.
type field struct {
	Name     string    `json:"n"`
	Type     string    `json:"t"` // string, number, boolean, object, map, array<string>, array<number>, array<object>
	Nullable bool      `json:"null"`
	Enum     []string  `json:"enum"`
	Fields   []field   `json:"f"` // of an object, or of each object of an array
	Variants [][]field `json:"v"` // alternatives to Fields
}

func readCatalogue() (*catalogue, error) {
	var c catalogue
	if err := json.Unmarshal(activitiesJSON, &c); err != nil {
		return nil, fmt.Errorf("read the list of activity types: %w", err)
	}
	c.byName = make(map[string]*kind, len(c.Types))
	for _, k := range c.Types {
		c.byName[k.Type] = k
	}
	return &c, nil
}
