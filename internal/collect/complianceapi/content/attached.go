package content

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/normalise"
	"github.com/tripod-audit/tripod/internal/intake"
)

// attached has read what a message names. Only who reads messages comes here, so the policy keeps it.
func attached(list []normalise.Attached, it item) (items []item) {
	for _, a := range list {
		of := it.Subject
		of.Text = true
		items = append(items, item{Kind: string(a.Kind), ID: a.ID, Subject: of})
	}
	return items
}

// readFile makes the record of a file and stores what is in it. One that is on record is not asked for again.
func (r *runner) readFile(ctx context.Context, it item) error {
	raw, err := r.about(ctx, it)
	if err != nil {
		return err
	}
	next := r.st.clone()
	next.Pending = next.Pending[1:]
	made := func(unavailable string) intake.Draft {
		d, _ := r.norm.Object(raw, normalise.Kind(it.Kind), it.Subject, r.origin())
		if unavailable != "" {
			d.Record.Attributes = append(d.Record.Attributes, audit.TextAttr("content_unavailable", unavailable))
			d.Form = append(d.Form, " without content: "+unavailable...)
			if unavailable == tooLarge {
				d.Record.Flag(audit.FlagTruncated)
			}
			return complianceapi.Draft(d)
		}
		d.Form = append(d.Form, " with content"...)
		out := complianceapi.Draft(d)
		out.Body = &intake.Body{Name: "file", Class: audit.ClassText, Open: func(ctx context.Context) (io.ReadCloser, error) { return r.fetch(ctx, it) }}
		return out
	}
	if !it.Subject.Text { // its name is kept, and what is in it is not
		d, _ := r.norm.Object(raw, normalise.Kind(it.Kind), it.Subject, r.origin())
		return r.took(ctx, next, []intake.Draft{complianceapi.Draft(d)})
	}
	if size(raw) > r.cfg.MaxFile {
		return r.took(ctx, next, []intake.Draft{made(tooLarge)})
	}
	err = r.took(ctx, next, []intake.Draft{made("")})
	if why := missing(err); why != "" {
		return r.took(ctx, next, []intake.Draft{made(why)})
	}
	return err
}

const tooLarge = "too_large"

// missing tells why content will never come, "" where it may.
func missing(err error) string {
	var unread *intake.BodyError
	var e *api.Error
	switch {
	case !errors.As(err, &unread):
		return ""
	case errors.Is(err, api.ErrTooLarge):
		return tooLarge
	case errors.As(err, &e) && e.Status == http.StatusNotFound && !e.KeyRefused():
		return "not_found"
	case errors.As(err, &e) && e.Status == http.StatusUnprocessableEntity:
		return "multi_file"
	}
	return ""
}

// about is what is known of a file beside its content. No route tells it of a version of a published artifact alone; its name
// stands in the record of the artifact.
func (r *runner) about(ctx context.Context, it item) (json.RawMessage, error) {
	fetch := r.client.File
	switch normalise.Kind(it.Kind) {
	case normalise.KindCodeVersion:
		return json.Marshal(struct {
			ID   string    `json:"id"`
			Made time.Time `json:"created_at,omitzero"`
		}{it.Version, it.Made})
	case normalise.KindArtifact:
		fetch = r.client.Artifact
	}
	o, err := fetch(ctx, it.ID, api.Content)
	return o.Body, err
}

// fetch opens the content of a file.
func (r *runner) fetch(ctx context.Context, it item) (io.ReadCloser, error) {
	switch normalise.Kind(it.Kind) {
	case normalise.KindArtifact:
		return r.client.ArtifactContent(ctx, it.ID, r.cfg.MaxFile, api.Content)
	case normalise.KindCodeVersion:
		return r.client.CodeArtifactVersion(ctx, it.ID, it.Version, r.cfg.MaxFile, api.Content)
	}
	return r.client.FileContent(ctx, it.ID, r.cfg.MaxFile, api.Content)
}

// size is what an object says its content has, in bytes; 0 where it does not say.
func size(raw json.RawMessage) int64 {
	var o struct {
		Size int64 `json:"size_bytes"`
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		return 0 // the bound is kept while it is read
	}
	return o.Size
}
