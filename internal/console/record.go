package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/ledger"
	"github.com/tripod-audit/tripod/internal/reading"
)

func (c *Console) recordRoutes(mux *http.ServeMux) {
	c.page(mux, "GET /record/{seq}", opensRecord("record"), (*visit).showRecord)
	c.page(mux, "GET /record/{seq}/source", opensRecord("record.source"), (*visit).recordSource)
	c.page(mux, "GET /record/{seq}/proof", opensRecord("record.proof"), (*visit).recordProof)
	c.page(mux, "GET /record/{seq}/proof.json", opensRecord("record.proof"), (*visit).recordProofFile)
}

// opensRecord says which position is opened.
func opensRecord(name string) func(*visit) (opening, error) {
	return func(v *visit) (opening, error) {
		seq, err := v.seq()
		if err != nil {
			return opening{}, err
		}
		return opens(name, audit.Attr{Name: "position", Value: audit.Int(int64(seq))}), nil
	}
}

// seq reads the position in the address.
func (v *visit) seq() (uint64, error) {
	seq, err := strconv.ParseUint(v.r.PathValue("seq"), 10, 63)
	if err != nil || seq == 0 {
		return 0, notFound("A record is named by its position in the journal, a number from 1 on.", "The activity page finds records by what they say.")
	}
	return seq, nil
}

// item reads what stands at the position in the address.
func (v *visit) item() (*reading.Item, error) {
	seq, err := v.seq()
	if err != nil {
		return nil, err
	}
	item, err := v.deps.Reader.Record(v.r.Context(), seq)
	var corrupt *journal.CorruptError
	switch {
	case errors.Is(err, journal.ErrNotFound):
		return nil, notFound(fmt.Sprintf("The journal has no record %d.", seq), "Its newest position is at the foot of the page.")
	case errors.As(err, &corrupt):
		return nil, &problem{status: http.StatusInternalServerError, code: "unreadable", heading: fmt.Sprintf("Record %d cannot be read", seq),
			text:   "What the journal holds at this position is damaged.",
			advice: "tripod verify says what is wrong with it and whether a backup is needed.", err: err}
	case err == nil && v.seals()(item.Record):
		return nil, errSealed(seq)
	}
	return item, err
}

// showRecord shows one record: beside a list as a panel, else as a page with its source form and proof.
func (v *visit) showRecord() error {
	item, err := v.item()
	if err != nil {
		return err
	}
	last, err := v.deps.Reader.Last(v.r.Context())
	if err != nil {
		return err
	}
	signed, _, err := v.deps.Reader.Checkpoint()
	if err != nil {
		v.deps.Logger.WarnContext(v.r.Context(), "read checkpoint", "error", err) // the page says that there is no proof
	}
	p := page.NewRecord(item, last, signed)
	v.addOpenables(p, item)
	if v.r.Header.Get("HX-Request") != "" {
		return v.fragment("record", "record-panel", p)
	}
	p.SetSource(item.Bytes)
	p.Proof = v.proof(item.Seq)
	p.Verify = v.commands(item.Seq, p.Proof)
	return v.print("record", v.frame(fmt.Sprintf("Record %d", item.Seq), "activity", p.Verify.Record), p)
}

// proof is the proof of a record, or why there is none: the record is shown all the same.
func (v *visit) proof(seq uint64) *page.Proof {
	proof, err := v.deps.Reader.Proof(v.r.Context(), seq)
	var uncovered *ledger.NotCoveredError
	switch {
	case err == nil:
		p := &page.Proof{Proof: proof}
		p.Describe()
		return p
	case errors.As(err, &uncovered):
		return &page.Proof{Missing: fmt.Sprintf("No checkpoint covers this record yet: the last one was signed over %s. "+
			"Checkpoints follow the journal within seconds; load the page again.", page.Count(int64(uncovered.Size)))}
	case errors.Is(err, reading.ErrProof):
		v.deps.Logger.ErrorContext(v.r.Context(), "the proof of a record does not hold", "seq", seq, "error", err)
		return &page.Proof{Wrong: true, Missing: "The ledger does not prove what the journal holds at this position. " +
			"Run tripod verify, which says what was altered."}
	}
	v.deps.Logger.WarnContext(v.r.Context(), "prove record", "seq", seq, "error", err)
	return &page.Proof{Broken: true, Missing: "The ledger cannot be read: run tripod verify, which says what is wrong with it."}
}

// commands are those to check a record with. The one that checks the downloaded proof needs no data directory, and runs
// elsewhere.
func (v *visit) commands(seq uint64, proof *page.Proof) page.Commands {
	n := strconv.FormatUint(seq, 10)
	c := page.Commands{
		Record: v.cli("record", n, "--proof"),
		Export: v.cli("record", n, "--proof", "--json"),
		Verify: v.cli("verify", "--key", "KEY", "--checkpoint", "CHECKPOINT"),
	}
	if proof.Missing == "" {
		c.File = proofName(seq)
		c.Check = "tripod verify --proof " + c.File + " --key " + shellWord(proof.Key)
	}
	return c
}

func proofName(seq uint64) string { return fmt.Sprintf("record-%d.proof.json", seq) }

func (v *visit) recordSource() error {
	item, err := v.item()
	if err != nil {
		return err
	}
	if item.Tombstone != nil {
		return notFound(fmt.Sprintf("Record %d is no longer there.", item.Seq), "Its commitment and its proof remain.")
	}
	return v.download(fmt.Sprintf("record-%d.json", item.Seq), "application/json", item.Bytes)
}

// provable is the position in the address, where the proof of what stands there may go to who asks: it holds the record.
func (v *visit) provable() (uint64, error) {
	seq, err := v.seq()
	if err != nil {
		return 0, err
	}
	if item, err := v.deps.Reader.Record(v.r.Context(), seq); err == nil && v.seals()(item.Record) {
		return 0, errSealed(seq)
	}
	return seq, nil
}

func (v *visit) recordProof() error {
	seq, err := v.provable()
	if err != nil {
		return err
	}
	proof, err := v.deps.Reader.Proof(v.r.Context(), seq)
	if err != nil {
		return notProved(seq, err)
	}
	return v.download(fmt.Sprintf("record-%d.tlog-proof", seq), "text/plain; charset=utf-8", []byte(proof.TlogProof))
}

// recordProofFile answers with the record and all that proves it in one file, as tripod verify --proof takes it.
func (v *visit) recordProofFile() error {
	seq, err := v.provable()
	if err != nil {
		return err
	}
	file, err := v.deps.Reader.ProofFile(v.r.Context(), seq)
	if err != nil {
		return notProved(seq, err)
	}
	b, err := json.Marshal(file)
	if err != nil {
		return err
	}
	return v.download(proofName(seq), "application/json", append(b, '\n'))
}

// notProved says why there is no proof to take away.
func notProved(seq uint64, err error) error {
	var uncovered *ledger.NotCoveredError
	switch {
	case errors.Is(err, journal.ErrNotFound):
		return notFound(fmt.Sprintf("The journal has no record %d.", seq), "")
	case errors.As(err, &uncovered):
		return notFound(fmt.Sprintf("No checkpoint covers record %d yet.", seq), "Checkpoints follow the journal within seconds: try again.")
	}
	return err
}

// download answers with a file, byte for byte.
func (v *visit) download(name, media string, body []byte) error {
	h := v.w.Header()
	h.Set("Content-Type", media)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = v.w.Write(body) // a browser that went away is no error of ours
	return nil
}
