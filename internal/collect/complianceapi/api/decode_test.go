package api

import (
	"strings"
	"testing"
)

func FuzzDecodePage(f *testing.F) {
	f.Add([]byte(`{"data":[{"id":"a"},{"id":"b"}],"has_more":true,"first_id":"a","last_id":"b"}`))
	f.Add([]byte(`{"data":[],"has_more":true,"last_id":null}`))
	f.Add([]byte(`{"data":[1,"x",null,{"id":7}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		q := Query{Limit: 2, After: "b"}
		page, err := decodePage(body, q)
		if err != nil && strings.Contains(err.Error(), string(body)) && len(body) > 8 {
			t.Errorf("the error repeats the body: %v", err)
		}
		if err == nil && page.More && (page.Next == "" || page.Next == q.After) {
			t.Errorf("more, and no way to it: %+v", page)
		}
	})
}

func FuzzDecodeListing(f *testing.F) {
	f.Add([]byte(`{"data":[{"id":"a"}],"has_more":true,"next_page":"page_2"}`))
	f.Add([]byte(`{"data":[{"uuid":"a"}],"has_more":false}`))
	f.Add([]byte(`{"data":[],"next_page":"p"}`))
	f.Add([]byte(`{"data":[],"has_more":true,"next_page":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		l, err := decodeListing(body, "p")
		if err != nil && strings.Contains(err.Error(), string(body)) && len(body) > 8 {
			t.Errorf("the error repeats the body: %v", err)
		}
		if err == nil && (l.Next == "p" || l.Rows == nil) {
			t.Errorf("goes on for ever, or is no list: %+v", l)
		}
	})
}

func FuzzDecodeSettings(f *testing.F) {
	f.Add([]byte(`{"type":"effective_organization_settings","organization_id":"o","settings":[{"name":"sso_enabled","type":"boolean","value":true}],"api_keys":[{}]}`))
	f.Add([]byte(`{"organization_id":"other","settings":[]}`))
	f.Add([]byte(`{"settings":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if s, err := decodeSettings(body, "o"); err == nil && s.Rows == nil {
			t.Errorf("%s has no settings", body)
		}
	})
}

func FuzzDecodeWalk(f *testing.F) {
	f.Add([]byte(`{"data":[{"id":"a"}],"has_more":true,"first_id":"a","last_id":"c"}`))
	f.Add([]byte(`{"id":"x","data":[{"id":"a"}],"has_more":true}`))
	f.Add([]byte(`{"data":[],"has_more":false,"last_id":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		l, err := decodeWalk(body, "data", "b")
		if err != nil && strings.Contains(err.Error(), string(body)) && len(body) > 8 {
			t.Errorf("the error repeats the body: %v", err)
		}
		if err == nil && l.Next == "b" {
			t.Errorf("the page after this one is this one: %+v", l)
		}
	})
}

func FuzzScopes(f *testing.F) {
	f.Add("Missing required scopes. Got: ['api:admin', 'read:compliance_activities'] Needed one of: ['read:org_audit']")
	f.Add("Got: [")
	f.Add("Got: ['', \"x\",,]")
	f.Fuzz(func(t *testing.T, message string) {
		for _, s := range scopes(message) {
			if s == "" || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_:") != "" {
				t.Errorf("%q is no scope", s)
			}
		}
	})
}
