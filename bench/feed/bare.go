package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/tripod-audit/tripod/bench/child"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi"
	"github.com/tripod-audit/tripod/internal/journal"
)

const pageSize = 5000 // the most the API gives

// ids are those of the activities that the bare client saw, shortened.
type ids map[[12]byte]struct{}

func short(id string) [12]byte {
	sum := sha256.Sum256([]byte(id))
	return [12]byte(sum[:12])
}

// activity is what the bare client decodes of one.
type activity struct {
	ID      string         `json:"id"`
	Type    string         `json:"type"`
	Created time.Time      `json:"created_at"`
	Actor   map[string]any `json:"actor"`
}

// page is one of the API's.
type page struct {
	Data    []activity `json:"data"`
	HasMore bool       `json:"has_more"`
	LastID  string     `json:"last_id"`
}

// bare reads all of the history with one connection, decodes it, and keeps nothing but ids.
func (r *round) bare(ctx context.Context, v *vendor, o options) (ids, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(60)) // as tripod serve does
	seen := ids{}
	vendorBefore, err := child.CPU(v.PID())
	if err != nil {
		return nil, err
	}
	own, began := child.OwnCPU(), time.Now()
	// Up to two minutes ago: what is newer is still being indexed.
	q := url.Values{"limit": {strconv.Itoa(pageSize)}, "created_at.gte": {o.since().Format(time.RFC3339)}, "created_at.lt": {began.Add(-2 * time.Minute).UTC().Format(time.RFC3339)}}
	for {
		p, err := fetch(ctx, v, q)
		if err != nil {
			return nil, err
		}
		r.Bare.Requests++
		for i := range p.Data {
			seen[short(p.Data[i].ID)] = struct{}{}
		}
		if !p.HasMore {
			break
		}
		q.Set("after_id", p.LastID)
	}
	after, err := child.CPU(v.PID())
	if err != nil {
		return nil, err
	}
	r.Rows, r.Bare.Seconds = len(seen), time.Since(began).Seconds()
	r.Bare.CPU, r.Bare.VendorCPU = (child.OwnCPU() - own).Seconds(), (after - vendorBefore).Seconds()
	return seen, nil
}

func fetch(ctx context.Context, v *vendor, q url.Values) (p page, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.URL+"/v1/compliance/activities?"+q.Encode(), nil)
	if err != nil {
		return p, err
	}
	req.Header.Set("X-Api-Key", v.Key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return p, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return p, err
	}
	if res.StatusCode != http.StatusOK {
		return p, fmt.Errorf("%s: %s", res.Status, body)
	}
	return p, json.Unmarshal(body, &p)
}

// check holds the journal against what the bare client saw, each activity once, and reads there how many requests the
// history took: other parts of the API are asked beside it, and polls for what happens now.
func (r *round) check(ctx context.Context, data string, want ids) error {
	j, err := journal.OpenReader(ctx, data)
	if err != nil {
		return err
	}
	defer j.Close()
	have := make(ids, len(want))
	found := 0
	for s, err := range j.Scan(ctx, 1, 0) {
		if err != nil {
			return err
		}
		rec, err := s.Record()
		if err != nil {
			return err
		}
		if rec.Source != audit.SourceComplianceActivity {
			r.Requests += pages(rec)
			continue
		}
		id := short(rec.ID)
		if _, twice := have[id]; twice || rec.Supersedes != "" {
			return fmt.Errorf("%s is in the journal twice", rec.ID)
		}
		have[id] = struct{}{}
		if _, ok := want[id]; ok {
			found++
		}
	}
	if found != len(want) {
		return fmt.Errorf("of %d activities %d are in the journal", len(want), found)
	}
	return nil
}

// pages is how many requests a statement about a stretch of history names; 0 of any other record.
func pages(rec *audit.Record) int {
	window, _ := rec.Attributes.Get("window")
	if rec.Type != complianceapi.TypeStatement || window.Str() != "history" {
		return 0
	}
	requests, _ := rec.Attributes.Get("requests")
	n, _ := requests.Int64()
	return int(n)
}
