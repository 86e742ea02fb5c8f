package intake

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/journal"
)

// Body is content of a draft that is read while it is stored, so that no more than a part of it is in memory. The record
// refers to its parts as NAME, NAME.1, NAME.2 …, behind its pieces.
type Body struct {
	Name  string
	Class audit.Class
	// Open is called where the policy keeps the class and the record is new; what it returns is read to its end and closed.
	// An error of reading it fails the delivery: nothing of it becomes a record.
	Open func(ctx context.Context) (io.ReadCloser, error)
}

// bodyPart is how much of a body is one block.
const bodyPart = 1 << 20

// BodyError is why a body could not be read. It is the source's trouble, not ours: delivering again may not help.
type BodyError struct{ err error }

func (e *BodyError) Error() string { return "read the content of a record: " + e.err.Error() }
func (e *BodyError) Unwrap() error { return e.err }

// storeBodies stores the bodies of drafts not seen before.
func (d *Door) storeBodies(ctx context.Context, del Delivery, ids []journal.Digest, skip []bool) error {
	for i := range del.Drafts {
		draft := &del.Drafts[i]
		if draft.Body == nil || skip[i] {
			continue
		}
		if !d.policy.Load().Level(draft.Record, draft.credential(&del)).Allows(draft.Body.Class) {
			draft.Record.Content = append(draft.Record.Content, audit.Content{
				Name: draft.Body.Name, Class: draft.Body.Class, Kind: audit.KindBytes.String(), Withheld: audit.WithheldPolicy,
			})
			continue
		}
		if held, err := d.held(ctx, draft, ids[i]); err != nil {
			return unavailable(ctx, "look for earlier deliveries", err)
		} else if held {
			continue
		}
		if err := d.storeBody(ctx, draft); err != nil {
			return err
		}
	}
	return nil
}

func (d *Door) storeBody(ctx context.Context, draft *Draft) (err error) {
	body := draft.Body
	from, err := body.Open(ctx)
	if err != nil {
		return &BodyError{err}
	}
	defer func() {
		if closed := from.Close(); closed != nil && err == nil {
			err = &BodyError{closed}
		}
	}()
	part := make([]byte, bodyPart)
	for n := 0; ; n++ {
		size, last, err := fill(from, part)
		if err != nil {
			return &BodyError{err}
		}
		if size == 0 && n > 0 {
			return nil
		}
		at, err := d.content.Put(ctx, []content.Block{{Container: draft.Record.Container, Plaintext: part[:size]}})
		if err != nil {
			return unavailable(ctx, fmt.Sprintf("store part %d of content", n), err)
		}
		ref := audit.Content{Name: body.Name, Class: body.Class, Kind: audit.KindBytes.String(), Bytes: size, Address: at[0]}
		if n > 0 {
			ref.Name += "." + strconv.Itoa(n)
		}
		draft.Record.Content = append(draft.Record.Content, ref)
		if last {
			return nil
		}
	}
}

// fill reads until p is full or from has ended, which io.EOF alone says: io.ErrUnexpectedEOF is how a network connection
// tells that a body broke off.
func fill(from io.Reader, p []byte) (n int, last bool, err error) {
	for n < len(p) {
		m, err := from.Read(p[n:])
		n += m
		switch {
		case err == io.EOF:
			return n, true, nil
		case err != nil:
			return n, false, err
		}
	}
	return n, false, nil
}
