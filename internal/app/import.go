package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/auditexport"
	"github.com/tripod-audit/tripod/internal/collect/auditexport/file"
	"github.com/tripod-audit/tripod/internal/intake/capture"
)

// ImportResult tells what became of an imported file.
type ImportResult struct {
	auditexport.Result
	// Behind says which view has yet to take the records in, where a running serve did not get there soon; else "".
	Behind string `json:"behind,omitempty"`
}

// importViews is how long an import through serve waits for the views.
const importViews = 10 * time.Second

// ErrNotExport is wrapped by the error of an import whose file is no audit log export, ErrImportOrg by that of one whose
// organisation does not fit the imports before.
var (
	ErrNotExport = file.ErrNotExport
	ErrImportOrg = auditexport.ErrOrg
)

// ImportOrder orders the import of an audit log export.
type ImportOrder struct {
	Dir     string         // data directory
	Capture capture.Config // where no serve runs; a serve has its own
	Name    string         // of the file
	Org     string         // vendor organisation id, "" for that of the imports before
	Note    func(string)   // is told what takes time; nil for nobody
}

// imported is what serve answers to an import: a result, and where it failed why.
type imported struct {
	Result ImportResult `json:"result"`
	Error  string       `json:"error,omitempty"`
	Kind   string       `json:"kind,omitempty"` // "not_export", "org"
}

// importError is an error that crossed the socket: the text as it was, and what it wraps.
type importError struct {
	text string
	is   error
}

func (e *importError) Error() string { return e.text }
func (e *importError) Unwrap() error { return e.is }

// Import imports an audit log export: through the socket while serve runs on the data directory, else with the journal's
// lock. It waits for the views to take it in; with serve running for a few seconds at most. What the result counts as new or known is durable, be there an error or not.
func Import(ctx context.Context, o ImportOrder, in io.Reader) (ImportResult, error) {
	if err := mustExist(o.Dir); err != nil {
		return ImportResult{}, err
	}
	query := url.Values{"name": {o.Name}, "org": {o.Org}}
	var answer imported
	err := send(ctx, o.Dir, "/v1/import?"+query.Encode(), io.NopCloser(in), &answer)
	switch {
	case errors.Is(err, errNoServe):
		return importLocked(ctx, o, in)
	case err != nil:
		return ImportResult{}, fmt.Errorf("import: %w", err)
	case answer.Error != "":
		kinds := map[string]error{"not_export": ErrNotExport, "org": ErrImportOrg}
		return answer.Result, &importError{answer.Error, kinds[answer.Kind]}
	}
	return answer.Result, nil
}

// importLocked imports with the journal's lock.
func importLocked(ctx context.Context, o ImportOrder, in io.Reader) (result ImportResult, err error) {
	t, by, err := openTruthFor(ctx, TruthOptions{Dir: o.Dir, Capture: o.Capture}, "import")
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, t.Close(ctx)) }()
	result.Result, err = t.importFile(ctx, o.Name, o.Org, in, by.Identity())
	if err != nil || result.Record == 0 {
		return result, err
	}
	if o.Note != nil {
		o.Note("stored; taking the records into search")
	}
	if err := t.viewed(ctx, result.Record); err != nil {
		return result, fmt.Errorf("the records are stored, but search has not taken them all in; it goes on when serve runs: %w", err)
	}
	return result, nil
}

func (t *Truth) importFile(ctx context.Context, name, org string, in io.Reader, by audit.Identity) (auditexport.Result, error) {
	if t.Refused != nil {
		return auditexport.Result{}, t.Refused
	}
	return t.Importer.Import(ctx, in, auditexport.Order{Name: name, Org: org, By: by})
}

// errStopping says why an import broke off.
var errStopping = errors.New("serve stops; import the file again")

// serveImport takes a file as it is sent. Who asks gets an answer once all of it was taken or refused. A stop does not wait
// for the rest of a file.
func serveImport(w http.ResponseWriter, r *http.Request, t *Truth, ending <-chan struct{}) {
	ctx, cancel := context.WithCancelCause(r.Context())
	done, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-ending:
			cancel(errStopping)
			_ = http.NewResponseController(w).SetReadDeadline(time.Now())
		case <-done:
		}
	}()
	by, _ := ctx.Value(peerKey{}).(audit.Identity)
	q := r.URL.Query()
	var result ImportResult
	var err error
	result.Result, err = t.importFile(ctx, q.Get("name"), q.Get("org"), r.Body, by)
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, errStopping) {
		err = fmt.Errorf("%w: %w", cause, err)
	} else if err != nil {
		_, _ = io.Copy(io.Discard, r.Body) // so that the client, still sending, gets to read the answer
	}
	if err == nil && result.Record > 0 {
		soon, end := context.WithTimeout(ctx, importViews)
		if late := t.viewed(soon, result.Record); late != nil {
			result.Behind = late.Error()
		}
		end()
	}
	close(done)
	<-watched
	cancel(nil)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answerTo(result, err))
}

func answerTo(result ImportResult, err error) imported {
	answer := imported{Result: result}
	if err != nil {
		answer.Error = err.Error()
	}
	switch {
	case errors.Is(err, ErrNotExport):
		answer.Kind = "not_export"
	case errors.Is(err, ErrImportOrg):
		answer.Kind = "org"
	}
	return answer
}
