package casebook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Conditions of health.
const (
	// ConditionBreakGlass is raised while somebody opened content alone and nobody reviewed it.
	ConditionBreakGlass = "cases.break_glass"
	// ConditionOverdue is raised while such a review is overdue.
	ConditionOverdue = "cases.review_overdue"
	// ConditionNotice is raised while the command that tells privacy officers fails.
	ConditionNotice = "cases.notice"
)

const (
	noticeCursor = "tripod/cases/notice"
	noticeTime   = 30 * time.Second // how long the command may take
	leastBackoff = 5 * time.Second
	mostBackoff  = 10 * time.Minute
	idle         = time.Hour
)

// Told is what the notice command reads from its standard input: no content, and no reason, which may name people.
type Told struct {
	Event     string    `json:"event"` // "break_glass"
	Grant     string    `json:"grant"`
	Case      string    `json:"case"`
	By        string    `json:"by"`
	At        time.Time `json:"at"`
	Class     string    `json:"class"`
	Covers    string    `json:"covers"`
	ReviewDue time.Time `json:"review_due"`
}

// Run tells privacy officers of who opened content alone, and raises the conditions that say so, until the context ends,
// which is no error. What it told is remembered in a cursor of the journal; each is told at least once.
func (d *Desk) Run(ctx context.Context) error {
	backoff := leastBackoff
	for {
		next, err := d.Settle(ctx)
		if err != nil && ctx.Err() == nil {
			d.log.ErrorContext(ctx, "cases could not be looked after, trying again", "error", err)
			next, backoff = backoff, min(2*backoff, mostBackoff)
		} else {
			backoff = leastBackoff
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-d.kick:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// Settle does what Run does once: for a process that does not stay. It says when there is more to do.
func (d *Desk) Settle(ctx context.Context) (next time.Duration, err error) {
	var open []Grant
	var now time.Time
	if err := d.deps.Acts.Within(ctx, func(at time.Time) error {
		now = at
		for _, g := range d.deps.Book.living() {
			if g.Unreviewed() {
				open = append(open, g.clone(at))
			}
		}
		return nil
	}); err != nil {
		return 0, err
	}
	slices.Reverse(open) // the oldest first
	return d.raise(open, now), d.tell(ctx, open)
}

// raise says in health what waits for a review, and tells when one will be overdue.
func (d *Desk) raise(open []Grant, now time.Time) (next time.Duration) {
	next = idle
	var overdue int
	for _, g := range open {
		if left := g.ReviewDue.Sub(now); left <= 0 {
			overdue++
		} else {
			next = min(next, left+time.Second)
		}
	}
	if len(open) > 0 {
		d.deps.Health.Raise(ConditionBreakGlass, health.Critical, fmt.Sprintf("content was opened alone by breaking the glass and waits for a privacy officer's review: %s", ids(open)))
	} else {
		d.deps.Health.Clear(ConditionBreakGlass)
	}
	if overdue > 0 {
		d.deps.Health.Raise(ConditionOverdue, health.Critical, fmt.Sprintf("reviews after breaking the glass are overdue: %d", overdue))
	} else {
		d.deps.Health.Clear(ConditionOverdue)
	}
	return next
}

// ids lists some grants.
func ids(list []Grant) string {
	var b bytes.Buffer
	for i, g := range list {
		if i == 10 {
			fmt.Fprintf(&b, " and %d more", len(list)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(g.ID)
	}
	return b.String()
}

// tell runs the command for each grant behind the cursor.
func (d *Desk) tell(ctx context.Context, open []Grant) error {
	if len(d.cfg.Notice.Command) == 0 || len(open) == 0 {
		return nil
	}
	var told struct {
		Seq uint64 `json:"record"`
	}
	cursor, err := d.deps.Cursors.Cursor(ctx, noticeCursor)
	if err != nil {
		return err
	}
	if cursor != nil {
		if err := json.Unmarshal(cursor, &told); err != nil {
			return fmt.Errorf("read cursor %s: %w", noticeCursor, err)
		}
	}
	for _, g := range open {
		if g.Seq <= told.Seq {
			continue
		}
		if err := d.run(ctx, &g); err != nil {
			if ctx.Err() == nil {
				d.deps.Health.Raise(ConditionNotice, health.Critical, "the command that tells privacy officers of a break-glass fails, trying again: "+err.Error())
			}
			return err
		}
		told.Seq = g.Seq
		next, err := json.Marshal(told)
		if err != nil {
			return err
		}
		act := intake.Act{Type: TypeNotice, Activity: audit.ActivityOperation, Case: g.Case, Attributes: audit.Attrs{audit.TextAttr(attrGrant, g.ID)}}
		if _, err := d.deps.Door.Record(ctx, act, map[string][]byte{noticeCursor: next}); err != nil {
			return err
		}
	}
	d.deps.Health.Clear(ConditionNotice)
	return nil
}

// run runs the command once. What it prints is nobody's: it may hold what it was configured with.
func (d *Desk) run(ctx context.Context, g *Grant) error {
	told, err := json.Marshal(Told{Event: "break_glass", Grant: g.ID, Case: g.Case, By: g.By.Label(), At: g.At, Class: string(g.Class), Covers: g.Covers(), ReviewDue: g.ReviewDue})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, noticeTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, d.cfg.Notice.Command[0], d.cfg.Notice.Command[1:]...)
	cmd.Stdin, cmd.WaitDelay = bytes.NewReader(append(told, '\n')), time.Second
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return fmt.Errorf("cases.notice.command ended with %s", exit.ProcessState)
	case err != nil:
		return fmt.Errorf("cases.notice.command could not run: %w", err)
	}
	return nil
}
