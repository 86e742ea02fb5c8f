package console

import (
	"archive/zip"
	"encoding/json"
	"net/http"
	"time"

	"github.com/tripod-audit/tripod/internal/reviews"
)

// sendTable sends a table that write makes and, in the same archive, the sidecar that says what it is: one cannot be had
// without the other. What breaks off is no readable archive.
func (v *visit) sendTable(name string, write func(w *reviews.Summed, csv bool) (reviews.Sidecar, error)) error {
	select {
	case v.exports <- struct{}{}:
		defer func() { <-v.exports }()
	default:
		return v.busy()
	}
	if _, _, err := v.searched(v.r.Context()); err != nil {
		return err // while a page can still be answered
	}
	at, as := v.deps.Now().UTC(), v.r.URL.Query().Get("as")
	name += "-" + at.Format("20060102T150405Z")
	v.w.Header().Set("Content-Type", "application/zip")
	v.w.Header().Set("Content-Disposition", `attachment; filename="`+name+`.zip"`)
	rc := http.NewResponseController(v.w)
	defer func() { _ = rc.SetWriteDeadline(time.Time{}) }()
	z := zip.NewWriter(&attended{v.w, rc})
	if err := v.tableInto(z, name+"."+as, at, as == "csv", write); err != nil {
		v.deps.Logger.ErrorContext(v.r.Context(), "export broke off", "error", err)
		panic(http.ErrAbortHandler) // how net/http is told that what was sent must not pass for whole
	}
	return nil
}

func (v *visit) tableInto(z *zip.Writer, name string, at time.Time, csv bool, write func(*reviews.Summed, bool) (reviews.Sidecar, error)) error {
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: at})
	if err != nil {
		return err
	}
	sum := reviews.NewSummed(w)
	sidecar, err := write(sum, csv)
	if err != nil {
		return err
	}
	sidecar.Time, sidecar.Version, sidecar.SHA256 = at, v.cfg.Version, sum.SHA256()
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
