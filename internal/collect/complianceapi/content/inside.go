package content

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/normalise"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Kinds of items.
const (
	kindLocal  = "local"
	kindRemote = "remote"
	kindChat   = "chat"

	kindCollaborators = "collaborators"
	kindAttachments   = "attachments"
	kindKnowledge     = "knowledge"
)

// messagesAtOnce is how many messages are asked for at once. Pages end earlier where they are large.
const messagesAtOnce = 500

// readInside reads the next page of what is inside the first object that waits for it.
func (r *runner) readInside(ctx context.Context) error {
	it := r.st.Pending[0]
	if !it.Began.IsZero() && r.now().Sub(it.Began) > staleAfter {
		it.Page, it.Began, it.At = "", time.Time{}, 0
	}
	err := r.read(ctx, it)
	if err == nil {
		r.stuck = 0
		return nil
	}
	return r.recoverInside(ctx, it, err)
}

func (r *runner) read(ctx context.Context, it item) error {
	switch it.Kind {
	case kindLocal, kindRemote, kindChat:
		return r.readMessages(ctx, it)
	case kindCollaborators, kindAttachments:
		return r.readProject(ctx, it)
	case kindKnowledge, string(normalise.KindDocument):
		return r.readWhole(ctx, it)
	case string(normalise.KindFile), string(normalise.KindGenerated), string(normalise.KindArtifact), string(normalise.KindCodeVersion):
		return r.readFile(ctx, it)
	}
	return r.drop(ctx) // of another build
}

// readMessages reads a page of a transcript. A transcript that grew is read again whole: its pages are large, and what is
// on record already is recognised.
func (r *runner) readMessages(ctx context.Context, it item) error {
	limit := it.Limit
	if limit == 0 {
		limit = messagesAtOnce
	}
	fetch := map[string]func(context.Context, string, int, string, api.Priority) (api.Listing, error){
		kindLocal: r.client.LocalMessages, kindRemote: r.client.RemoteMessages, kindChat: r.client.ChatMessages,
	}[it.Kind]
	page, err := fetch(ctx, it.ID, limit, it.Page, api.Content)
	if err != nil {
		return err
	}
	if it.Began.IsZero() {
		it.Began = r.now()
	}
	next := r.st.clone()
	var drafts []intake.Draft
	var more []item
	for _, raw := range page.Rows {
		made, files := r.norm.Message(raw, it.Subject, it.At, r.origin())
		it.At++
		for _, d := range made {
			drafts = append(drafts, complianceapi.Draft(d))
		}
		more = append(more, attached(files, it)...)
	}
	it.Page = page.Next
	next.Pending[0] = it
	if it.Page == "" {
		r.finish(&next, it)
	}
	next.enqueue(more)
	return r.took(ctx, next, drafts)
}

// finish takes what was read to its end from the queue. What was still growing is read once more, after what the vendor
// shows late has settled.
func (r *runner) finish(next *state, it item) {
	next.Pending = next.Pending[1:]
	if r.part.settles && !it.Settled {
		next.Later.put(item{Kind: it.Kind, ID: it.ID, Subject: it.Subject, Due: r.now().Add(r.cfg.Settle), Settled: true})
	}
}

// drop gives the first in the queue up, without a record of it.
func (r *runner) drop(ctx context.Context) error {
	next := r.st.clone()
	next.Pending = next.Pending[1:]
	r.stuck = 0
	_, err := r.commit(ctx, next, nil)
	return err
}

// mostBroken is how often in a row a download may break off before it is put off.
const mostBroken = 3

// recoverInside makes the best of a page that did not come: what is gone is gone, what refuses to be read is put off, and
// what befalls all alike is the caller's to tell. It is known by asking for the list: where that comes, the fault is with
// the one thing, whatever the status says.
func (r *runner) recoverInside(ctx context.Context, it item, err error) error {
	var e *api.Error
	switch {
	case ctx.Err() != nil || errors.Is(err, intake.ErrUnavailable) || errors.Is(err, api.ErrKey):
		return err
	case errors.Is(err, api.ErrTooLarge) && it.Limit != 1:
		r.st = r.smaller(r.st.clone())
		return nil
	case errors.Is(err, api.ErrTooLarge):
		return r.putOff(ctx, it, err)
	case errors.Is(err, api.ErrBroken):
		if r.stuck++; r.stuck > mostBroken {
			return r.putOff(ctx, it, err)
		}
		return nil // at once: the next one may be whole
	case errors.Is(err, api.ErrMalformed):
		if !r.answers(ctx) {
			return err
		}
		return r.putOff(ctx, it, err)
	case !errors.As(err, &e) || e.Status == http.StatusTooManyRequests:
		return err
	case e.Status == http.StatusNotFound && !e.KeyRefused() && !strings.Contains(e.Message, "not available"): // else the whole family is
		return r.drop(ctx)
	case e.Status == http.StatusBadRequest && it.Page != "" && !e.Disabled():
		next := r.st.clone()
		next.Pending[0].Page, next.Pending[0].Began, next.Pending[0].At = "", time.Time{}, 0
		if next.Pending[0].Tries++; next.Pending[0].Tries > mostRestarts {
			return r.putOff(ctx, it, err)
		}
		r.st = next
		return nil
	case !r.answers(ctx):
		return err
	case e.Status == http.StatusNotFound && e.KeyRefused(): // in its words; the list shows that the key serves
		return r.drop(ctx)
	case e.Retryable() && r.stuck == 0:
		r.stuck++
		if e.Status == 0 || e.Status == http.StatusGatewayTimeout { // less may come in time
			r.st = r.smaller(r.st.clone())
		}
		return alone{err}
	}
	return r.putOff(ctx, it, err)
}

// smaller has fewer messages asked for at once of the first in the queue.
func (r *runner) smaller(next state) state {
	next.Pending[0].Limit = max(1, cmpOr(next.Pending[0].Limit, messagesAtOnce)/4)
	return next
}

// answers reports whether the API answers who asks for something else of the same kind.
func (r *runner) answers(ctx context.Context) bool {
	var err error
	if r.part.finds { // the feed needs another scope
		_, err = r.client.Chats(ctx, r.now(), 1, "", api.Content)
	} else {
		_, err = r.part.list(ctx, r.client, r.now(), 1, "")
	}
	return err == nil
}

func cmpOr(n, or int) int {
	if n == 0 {
		return or
	}
	return n
}

// What is put off is tried again at growing intervals, two days in all.
const (
	firstPutOff = 10 * time.Minute
	mostPutOff  = 8
)

// full reports whether so much is put off that the list stands still, and tells.
func (r *runner) full() bool {
	condition := "compliance." + r.part.name + ".put_off"
	if r.st.Later.putOff() < r.cfg.PutOff {
		r.health.Clear(condition)
		return false
	}
	r.health.Raise(condition, health.Warning, "so much of "+r.part.says+" refuses to be read that nothing new of them is listed until some of it comes or was "+
		"tried for two days; see the log for what the Compliance API says. A customer-managed key that is out of reach does this")
	return true
}

// TypeUnread is the record that says what could not be read although it was tried for days.
const TypeUnread = "tripod.compliance.unread"

// putOff has the first in the queue tried again later, or says that it could not be read.
func (r *runner) putOff(ctx context.Context, it item, cause error) error {
	r.stuck = 0
	next := r.st.clone()
	next.Pending = next.Pending[1:]
	it.Page, it.Began, it.At = "", time.Time{}, 0
	it.Tries++
	r.log.WarnContext(ctx, "a part of the Compliance API's content was not read; it is tried again later", "part", r.part.name, "id", it.ID, "tries", it.Tries, "error", cause)
	if it.Tries <= mostPutOff {
		it.Due = r.now().Add(firstPutOff << (it.Tries - 1))
		next.Later.put(it)
		_, err := r.commit(ctx, next, nil)
		return err
	}
	attrs := audit.Attrs{audit.TextAttr("feed", r.part.feed), audit.TextAttr("kind", it.Kind), audit.TextAttr("id", it.ID), audit.TextAttr("reason", reason(cause)), audit.CountAttr("tries", int64(it.Tries))}
	var e *api.Error
	if errors.As(cause, &e) {
		attrs = append(attrs, audit.CountAttr("status", int64(e.Status)), audit.TextAttr("request_id", e.RequestID))
	}
	return r.act(ctx, next, intake.Act{Type: TypeUnread, Activity: audit.ActivityOperation, Outcome: audit.OutcomeFailure, Account: r.self(), Attributes: attrs})
}

// reason names a failure in a word.
func reason(err error) string {
	var e *api.Error
	switch {
	case errors.Is(err, api.ErrTooLarge):
		return "too_large"
	case errors.Is(err, api.ErrMalformed):
		return "malformed"
	case errors.Is(err, api.ErrBroken):
		return "broken"
	case errors.As(err, &e) && e.Status != 0:
		return fmt.Sprintf("status_%d", e.Status)
	}
	return "unreachable"
}
