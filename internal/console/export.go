package console

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/tripod-audit/tripod/internal/export"
	"github.com/tripod-audit/tripod/internal/reading"
)

// exportForms are what records can be downloaded as.
var exportForms = map[string]export.Form{"csv": export.CSV, "ndjson": export.NDJSON}

// mostExports is how many exports run at once: each takes a page of records of memory, for as long as it takes.
const mostExports = 2

// stalled is how long who downloads may take for some of it before the export breaks off and makes room for others.
const stalled = 2 * time.Minute

func (v *visit) exportsQuery() (opening, error) {
	a, err := v.mustAsk()
	if err != nil {
		return opening{}, err
	}
	if exportForms[v.r.URL.Query().Get("as")] == nil {
		return opening{}, invalid("as is csv or ndjson")
	}
	if len(v.exports) == cap(v.exports) { // before it is on record as one
		return opening{}, v.busy()
	}
	return searches(TypeExport, "export", a.text), nil
}

// busy refuses one export too many.
func (v *visit) busy() error {
	v.w.Header().Set("Retry-After", "30")
	return &problem{status: http.StatusServiceUnavailable, code: "busy", heading: "Other exports are under way",
		text:   fmt.Sprintf("At most %d exports run at once, and so many do.", mostExports),
		advice: "Try again when one has ended. tripod search -o FILE exports without the console."}
}

// export sends the records of a query and, in the same archive, the sidecar that says what they are: one cannot be had
// without the other. It is written as it is read, so its size is bounded by nothing but the journal.
func (v *visit) export() error {
	a, err := v.mustAsk()
	if err != nil {
		return err
	}
	select {
	case v.exports <- struct{}{}:
		defer func() { <-v.exports }()
	default:
		return v.busy()
	}
	if _, _, err := v.searched(v.r.Context()); err != nil {
		return err // while a page can still be answered
	}
	as := v.r.URL.Query().Get("as")
	at := v.deps.Now().UTC()
	name := "tripod-" + at.Format("20060102T150405Z")
	v.w.Header().Set("Content-Type", "application/zip")
	v.w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.zip"`)
	rc := http.NewResponseController(v.w)
	defer func() { _ = rc.SetWriteDeadline(time.Time{}) }()
	z := zip.NewWriter(&attended{v.w, rc})
	seals := v.seals()
	o := export.Options{Query: a.query, Form: exportForms[as], Wait: export.CatchUp, Edit: func(item *reading.Item) { seal(item, seals) }}
	if err := v.exportInto(z, o, name+"."+as, at); err != nil {
		v.deps.Logger.ErrorContext(v.r.Context(), "export broke off", "error", err)
		panic(http.ErrAbortHandler) // how net/http is told that what was sent must not pass for whole
	}
	return nil
}

// attended writes to who still reads.
type attended struct {
	w  io.Writer
	rc *http.ResponseController
}

func (a *attended) Write(b []byte) (int, error) {
	_ = a.rc.SetWriteDeadline(time.Now().Add(stalled)) // not every writer has one
	return a.w.Write(b)
}

func (v *visit) exportInto(z *zip.Writer, o export.Options, name string, at time.Time) error {
	ctx := v.r.Context()
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: at})
	if err != nil {
		return err
	}
	res, err := export.Run(ctx, v.deps.Reader, w, o)
	if err != nil {
		return err
	}
	sidecar, err := export.NewSidecar(ctx, v.deps.Reader, o, res, v.cfg.Version)
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(sidecar, "", "  ")
	if err != nil {
		return err
	}
	if w, err = z.CreateHeader(&zip.FileHeader{Name: name + ".meta.json", Method: zip.Deflate, Modified: at}); err != nil {
		return err
	}
	if _, err := w.Write(append(b, '\n')); err != nil {
		return err
	}
	return z.Close()
}

// invalid refuses a parameter.
func invalid(text string) error {
	return &problem{status: http.StatusBadRequest, code: "invalid", heading: "This address is not right", text: text + "."}
}

func uintText(n uint64) string { return strconv.FormatUint(n, 10) }

func uintOf(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read a position: %w", err)
	}
	return n, nil
}
