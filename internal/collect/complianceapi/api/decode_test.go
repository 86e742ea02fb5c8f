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
