package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Deleter deletes content by the Compliance API, at once and for good. It is made with a key of its own that can delete
// and should not be able to read; a Client for reading has no way to delete. It is safe for concurrent use.
//
// A request that got no whole answer may have deleted all the same: it is tried again, and "not found" is then the proof
// that it is gone. Each call is in the vendor's feed as compliance_api_accessed.
//
// Source: https://platform.claude.com/docs/en/manage-claude/compliance-content-data.
type Deleter struct{ client *Client }

// NewDeleter makes one. Options.Key must be the source of the deleting key.
func NewDeleter(o Options) (*Deleter, error) {
	c, err := New(o)
	if err != nil {
		return nil, err
	}
	return &Deleter{c}, nil
}

// Close lets idle connections go.
func (d *Deleter) Close() { d.client.Close() }

// Deletion is what the vendor says of a deletion.
type Deletion struct {
	ID        string
	RequestID string
	Date      time.Time // the server's; zero where it did not say
	// Gone: an answer was lost, and asked again the vendor knows no such object: it was deleted by the lost request, or by
	// somebody else meanwhile.
	Gone bool
}

// ErrAttached: a project has chats attached to it and is not deleted before they are.
var ErrAttached = errors.New("the project has chats attached to it: delete or detach them first")

// Chat deletes a chat with its messages and their files.
func (d *Deleter) Chat(ctx context.Context, id string) (Deletion, error) {
	return d.remove(ctx, "claude_chat_deleted", "/v1/compliance/apps/chats/%s", id)
}

// File deletes a file wherever it is attached.
func (d *Deleter) File(ctx context.Context, id string) (Deletion, error) {
	return d.remove(ctx, "claude_file_deleted", "/v1/compliance/apps/chats/files/%s", id)
}

// Project deletes a project with its documents and files. It fails with ErrAttached while it has chats.
func (d *Deleter) Project(ctx context.Context, id string) (Deletion, error) {
	return d.remove(ctx, "claude_project_deleted", "/v1/compliance/apps/projects/%s", id)
}

// Document deletes a document of a project.
func (d *Deleter) Document(ctx context.Context, id string) (Deletion, error) {
	return d.remove(ctx, "claude_project_document_deleted", "/v1/compliance/apps/projects/documents/%s", id)
}

// Artifact deletes a code artifact with all its versions; the vendor does so some time after it confirmed it.
func (d *Deleter) Artifact(ctx context.Context, id string) (Deletion, error) {
	return d.remove(ctx, "code_artifact_deleted", "/v1/compliance/apps/code/artifacts/%s", id)
}

// remove sends a deletion and checks that what is confirmed is what was asked for.
func (d *Deleter) remove(ctx context.Context, confirms, format, id string) (Deletion, error) {
	path, err := route(format, id)
	if err != nil {
		return Deletion{}, err
	}
	lost := false
	a, err := d.client.send(ctx, http.MethodDelete, path, url.Values{}, Content, func(e *Error) { lost = lost || e.Status == 0 || e.Status >= 500 })
	var refused *Error
	if errors.As(err, &refused) {
		switch {
		case lost && refused.Status == http.StatusNotFound && !refused.KeyRefused():
			return Deletion{ID: id, RequestID: refused.RequestID, Gone: true}, nil
		case refused.Status == http.StatusConflict:
			return Deletion{}, fmt.Errorf("%w: %w", ErrAttached, err)
		}
	}
	if err != nil {
		return Deletion{}, err
	}
	var b struct {
		ID   string `json:"id"`
		Type string `json:"type"`
	}
	if err := json.Unmarshal(a.body, &b); err != nil || b.Type != confirms || b.ID != "" && b.ID != id {
		return Deletion{}, fmt.Errorf("%s, request %s: %w: it does not confirm that the object is deleted", path, a.requestID, ErrMalformed)
	}
	return Deletion{ID: id, RequestID: a.requestID, Date: a.date}, nil
}
