package console_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/tripod-audit/tripod/internal/console/consoletest"
)

func TestAPI(t *testing.T) {
	t.Parallel()
	b, _ := filled(t)
	var page struct {
		Query   string
		Records []struct {
			Seq  uint64
			Tool string
		}
		Next       string
		LedgerSize uint64 `json:"ledger_size"`
		Behind     uint64 `json:"index_behind"`
	}
	get(t, b, "/api/v1/search"+query("activity:tool_decision")+"&limit=5", &page)
	if len(page.Records) != 5 || page.Next == "" || page.Records[0].Tool == "" || page.LedgerSize == 0 || page.Query != "activity:tool_decision" {
		t.Errorf("search: %+v", page)
	}
	first := page.Records[0].Seq
	get(t, b, "/api/v1/search"+query("activity:tool_decision")+"&limit=5&cursor="+page.Next, &page)
	if page.Records[0].Seq == first {
		t.Error("the cursor does not go on")
	}
	var facets struct {
		Total  int64
		Exact  bool
		Facets map[string][]struct {
			Value string
			N     int64
		}
	}
	get(t, b, "/api/v1/facets"+query("-source:tripod")+"&field=tool&field=outcome&top=3", &facets)
	if len(facets.Facets) != 2 || len(facets.Facets["tool"]) != 3 || facets.Total == 0 || !facets.Exact {
		t.Errorf("facets: %+v", facets)
	}
	var histogram struct {
		Start  string
		Step   float64 `json:"step_seconds"`
		Counts []int64
	}
	get(t, b, "/api/v1/histogram"+query("-source:tripod")+"&buckets=10", &histogram)
	var sum int64
	for _, n := range histogram.Counts {
		sum += n
	}
	if sum != facets.Total || histogram.Start == "" || histogram.Step == 0 {
		t.Errorf("histogram: %+v, %d records of %d", histogram, sum, facets.Total)
	}
}

func TestAPIErrors(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	code := func(path string) (status int, code string, offset int) {
		a := b.Get(path)
		var body struct {
			Error struct {
				Code    string
				Message string
				Offset  int
			}
		}
		if err := json.Unmarshal([]byte(a.Body), &body); err != nil || body.Error.Message == "" {
			t.Fatalf("%s: %s", path, a.Body)
		}
		return a.Status, body.Error.Code, body.Error.Offset
	}
	if status, c, _ := code("/api/v1/search"); status != http.StatusUnauthorized || c != "unauthorized" {
		t.Errorf("closed: %d %s", status, c)
	}
	b.SignIn()
	if status, c, at := code("/api/v1/search" + query("tool:Bash oops:x")); status != http.StatusBadRequest || c != "invalid" || at != 10 {
		t.Errorf("query: %d %s at %d", status, c, at)
	}
	for _, path := range []string{"/api/v1/search?limit=0", "/api/v1/search?limit=1001", "/api/v1/search?cursor=x", "/api/v1/facets?field=user", "/api/v1/facets?field=nope", "/api/v1/histogram?buckets=x"} {
		if status, c, _ := code(path); status != http.StatusBadRequest || c != "invalid" {
			t.Errorf("%s: %d %s", path, status, c)
		}
	}
	if status, c, _ := code("/api/v2/search"); status != http.StatusNotFound || c != "not_found" {
		t.Errorf("other version: %d %s", status, c)
	}
}

func get(t *testing.T, b *consoletest.Bench, path string, into any) {
	t.Helper()
	a := b.Get(path)
	if a.Status != http.StatusOK {
		t.Fatalf("%s: %d %s", path, a.Status, a.Body)
	}
	if err := json.Unmarshal([]byte(a.Body), into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
