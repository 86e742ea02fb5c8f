package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/reviews"
	"github.com/tripod-audit/tripod/internal/wording"
)

// ReviewOrder asks who looked at what.
type ReviewOrder struct {
	// What is "list", "consultations" or "digest".
	What   string         `json:"what"`
	Filter reviews.Filter `json:"filter"`
	// Account is whom it concerns; "" for all, which consultations refuse.
	Account string `json:"account,omitempty"`
	Week    string `json:"week,omitempty"` // of the digest
}

// ReviewLine is one line of the answer: an act with its sentence, a consultation, or a digest.
type ReviewLine struct {
	Look         *reviews.Look         `json:"look,omitempty"`
	Deed         string                `json:"deed,omitempty"`
	Consultation *reviews.Consultation `json:"consultation,omitempty"`
	Digest       *reviews.Digest       `json:"digest,omitempty"`
	// End is the last line; an answer without one broke off.
	End *ReviewEnd `json:"end,omitempty"`
}

// ReviewEnd says what an answer rests on.
type ReviewEnd struct {
	Rows     int      `json:"rows"`
	Account  string   `json:"account,omitempty"`
	Position uint64   `json:"position"`
	Behind   uint64   `json:"behind"`
	Limits   []string `json:"limits,omitempty"`
	Error    string   `json:"error,omitempty"`
}

// command is the words of the table that an order stands for; ok is false where it stands for none.
func (o *ReviewOrder) command() (words string, ok bool) {
	words = "reviews " + o.What
	return words, slices.Contains(reviewCommands(), words)
}

func reviewCommands() []string {
	return []string{"reviews list", "reviews consultations", "reviews digest"}
}

// Reviews answers once it is on record that by asked, with the texts of queries.
func (t *Truth) Reviews(ctx context.Context, r *reading.Reader, o ReviewOrder, by audit.Identity, use func(ReviewLine) error) (ReviewEnd, error) {
	if t.Refused != nil {
		return ReviewEnd{}, t.Refused
	}
	if err := o.Filter.Validate(); err != nil {
		return ReviewEnd{}, err
	}
	act, err := o.act(by)
	if err != nil {
		return ReviewEnd{}, err
	}
	seq, err := t.Door.Record(ctx, act, nil)
	if err != nil {
		return ReviewEnd{}, fmt.Errorf("not shown, because it could not be recorded: %w", err)
	}
	texts, err := reviews.OpenTexts(t.Content.Reader(), by.Telling(), func(context.Context) error { return nil }) // it is on record
	if err != nil {
		return ReviewEnd{}, err
	}
	log := &reviews.Log{Reader: r, Texts: texts, Veiled: t.privileged(ctx), Unseen: t.about(ctx, by), UpTo: seq - 1}
	if o.What == "digest" {
		return digest(ctx, log, o.Week, use)
	}
	look := func(l *reviews.Look) error { return use(ReviewLine{Look: l, Deed: wording.Deed(l.Record())}) }
	switch {
	case o.What == "list" && o.Account == "":
		told, err := log.Each(ctx, o.Filter, look)
		return ReviewEnd{Rows: told.Looks, Position: told.Position, Behind: told.Behind}, err
	case o.What == "list":
		return consulted(log.About(ctx, o.Account, o.Filter, look))
	case o.What == "consultations" && o.Account != "":
		return consulted(log.Consultations(ctx, o.Account, o.Filter, func(c reviews.Consultation) error { return use(ReviewLine{Consultation: &c}) }))
	}
	return ReviewEnd{}, fmt.Errorf("reviews: %q of %q is nothing to ask for", o.What, o.Account)
}

// privileged tells which cases are privileged matters: on the command line nobody takes part in them.
func (t *Truth) privileged(ctx context.Context) func(string) bool {
	known := make(map[string]bool)
	return func(id string) bool {
		is, ok := known[id]
		if !ok {
			is = t.Acts.Within(ctx, func(time.Time) error {
				if c, ok := t.Book.Case(id); ok && len(c.Privileged) > 0 {
					return errPrivileged
				}
				return nil
			}) != nil
			known[id] = is
		}
		return is
	}
}

// about tells which cases are about somebody: the log leaves them out for them.
func (t *Truth) about(ctx context.Context, who audit.Identity) func(string) bool {
	return func(id string) (is bool) {
		err := t.Acts.Within(ctx, func(time.Time) error {
			is = t.Book.About(id, who)
			return nil
		})
		return is || err != nil
	}
}

var errPrivileged = errors.New("a privileged matter")

// act is what asking leaves on record.
func (o *ReviewOrder) act(by audit.Identity) (intake.Act, error) {
	act := intake.Act{Type: reviews.TypeOpen, Activity: audit.ActivityView, Account: by}
	if o.What == "digest" {
		w, err := reviews.ParseWeek(o.Week)
		act.Attributes = audit.Attrs{audit.TextAttr("week", w.String()), audit.TextAttr("tripod.page", "reviews.digest")}
		return act, err
	}
	page, asked := "reviews", o.Filter.String()
	if o.Account != "" {
		page, asked = "reviews.consultations", o.Account
	}
	act.Attributes = audit.Attrs{audit.TextAttr("tripod.page", page)}
	act.Pieces = []intake.Piece{{Name: "query", Class: audit.ClassDetail, Kind: audit.KindString, Value: []byte(asked)}}
	return act, nil
}

func digest(ctx context.Context, log *reviews.Log, week string, use func(ReviewLine) error) (ReviewEnd, error) {
	w, err := reviews.ParseWeek(week)
	if err != nil {
		return ReviewEnd{}, err
	}
	d, err := log.Digest(ctx, w)
	if err != nil {
		return ReviewEnd{}, err
	}
	return ReviewEnd{Rows: 1, Position: d.Position, Behind: d.Behind}, use(ReviewLine{Digest: d})
}

func consulted(c reviews.Consulted, err error) (ReviewEnd, error) {
	return ReviewEnd{Rows: c.Consultations, Account: c.Account, Position: c.Position, Behind: c.Behind, Limits: c.Limits}, err
}

// serveReviews streams the answer, a JSON object a line.
func serveReviews(w http.ResponseWriter, r *http.Request, t *Truth, signIn *signin.Service, reader *reading.Reader) {
	var order ReviewOrder
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&order); err != nil {
		http.Error(w, "reviews: "+err.Error(), http.StatusBadRequest)
		return
	}
	command, ok := order.command()
	if !ok {
		http.Error(w, fmt.Sprintf("reviews: %q is nothing to ask for", order.What), http.StatusBadRequest)
		return
	}
	if err := permitted(signIn, personOf(r), command); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	by, _ := r.Context().Value(peerKey{}).(audit.Identity)
	enc, begun := json.NewEncoder(w), false
	end, err := t.Reviews(r.Context(), reader, order, by, func(l ReviewLine) error {
		begun = true
		return enc.Encode(l)
	})
	if err != nil && !begun {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	if err != nil {
		end.Error = err.Error()
	}
	_ = enc.Encode(ReviewLine{End: &end}) // who asked may have gone away
}

// Reviews asks who looked at what on a data directory: through the socket while serve runs there, else with the journal's
// lock. use is called with each line as it comes.
func Reviews(ctx context.Context, dir string, o ReviewOrder, use func(ReviewLine) error) (end ReviewEnd, err error) {
	if err := mustExist(dir); err != nil {
		return end, err
	}
	body, err := json.Marshal(o)
	if err != nil {
		return end, err
	}
	err = stream(ctx, dir, "/v1/reviews", bytes.NewReader(body), func(answer io.Reader) error {
		dec := json.NewDecoder(answer)
		for {
			var line ReviewLine
			if err := dec.Decode(&line); err != nil {
				return fmt.Errorf("the answer broke off: %w", err)
			}
			if line.End != nil {
				if end = *line.End; end.Error != "" {
					return errors.New(end.Error)
				}
				return nil
			}
			if err := use(line); err != nil {
				return err
			}
		}
	})
	if !errors.Is(err, errNoServe) {
		return end, err
	}
	return reviewHere(ctx, dir, o, use)
}

// reviewHere is Reviews where no serve runs.
func reviewHere(ctx context.Context, dir string, o ReviewOrder, use func(ReviewLine) error) (end ReviewEnd, err error) {
	command, ok := o.command()
	if !ok {
		return end, fmt.Errorf("reviews: %q is nothing to ask for", o.What)
	}
	t, by, err := openTruthFor(ctx, TruthOptions{Dir: dir}, command)
	if err != nil {
		return end, err
	}
	defer func() { err = errors.Join(err, t.Close(ctx)) }()
	r, err := OpenReading(ctx, dir)
	if err != nil {
		return end, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return t.Reviews(ctx, r.Reader, o, by.Identity(), use)
}
