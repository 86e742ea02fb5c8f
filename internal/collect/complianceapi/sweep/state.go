package sweep

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/trouble"
	"github.com/tripod-audit/tripod/internal/intake"
)

// state is all a collector must remember beside what is known.
type state struct {
	Version int       `json:"v"`
	Salt    []byte    `json:"salt"`             // keys the sums that stand for content
	Swept   time.Time `json:"swept"`            // when the last complete sweep began, by the server; zero before the first
	Doubts  []string  `json:"doubts,omitempty"` // missing in it, and believed gone when the next one misses them, too
	// Unreached are the organisations that it did not show, and Without those of the last one in which every list was read.
	Unreached []string `json:"unreached,omitempty"`
	Without   []string `json:"without,omitempty"`
}

const stateVersion = 1

func (s *state) sum(content []byte) string {
	mac := hmac.New(sha256.New, s.Salt)
	mac.Write(content)
	return base64.RawStdEncoding.EncodeToString(mac.Sum(nil)[:9])
}

// The names of the cursors: the state is small and written with each sweep, what is known only where it changed.
func (c *Collector) stateName() string { return string(c.cfg.Source) + " " + c.deps.Client.Host() }
func (c *Collector) knownName() string {
	return string(c.cfg.Source) + ".known " + c.deps.Client.Host()
}

// load reads what was committed last.
func (c *Collector) load(ctx context.Context) error {
	c.known = known{}
	b, err := c.deps.Cursors.Cursor(ctx, c.stateName())
	if err != nil {
		return fmt.Errorf("read the cursor of %s: %w", c.cfg.What, err)
	}
	if b == nil {
		c.st = state{Version: stateVersion, Salt: make([]byte, 16)}
		_, err := rand.Read(c.st.Salt)
		return err
	}
	if err := json.Unmarshal(b, &c.st); err != nil {
		return fmt.Errorf("read the cursor of %s: %w", c.cfg.What, err)
	}
	if c.st.Version != stateVersion {
		return fmt.Errorf("read the cursor of %s: it has version %d, and this build knows %d: use the newer build", c.cfg.What, c.st.Version, stateVersion)
	}
	if b, err = c.deps.Cursors.Cursor(ctx, c.knownName()); err != nil || b == nil {
		return err
	}
	if c.known, err = decodeKnown(b); err != nil {
		return fmt.Errorf("read what is known of %s: %w", c.cfg.What, err)
	}
	return nil
}

// mostKnown bounds what a damaged cursor can unpack to: a hundred thousand accounts with their groups take a tenth of it.
const mostKnown = 1 << 30

func decodeKnown(b []byte) (known, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(mostKnown))
	if err != nil {
		return nil, err
	}
	defer dec.Close()
	if b, err = dec.DecodeAll(b, nil); err != nil {
		return nil, err
	}
	k := known{}
	return k, json.Unmarshal(b, &k)
}

func (k known) encode() ([]byte, error) {
	b, err := json.Marshal(k)
	if err != nil {
		return nil, err
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return enc.EncodeAll(b, nil), enc.Close()
}

// commit makes the records of changes durable together with what is known after them. It counts them by what has become
// of things.
func (c *Collector) commit(ctx context.Context, changes []Change) (map[string]int64, error) {
	counts := map[string]int64{}
	for len(changes) > 0 {
		batch := changes[:min(len(changes), c.batch())]
		if err := c.submit(ctx, batch); err != nil {
			return nil, err
		}
		for i := range batch {
			if batch[i].What != unreached {
				counts[batch[i].What]++
			}
		}
		changes = changes[len(batch):]
	}
	return counts, nil
}

// mostBatches bounds a batch of a large part, in those of a small one: the records of a batch are in memory at once.
const mostBatches = 10

// batch is how many changes are made durable at once. All that is known is written with each batch, so a batch grows with
// what is known: otherwise the first reading of a large part writes more in cursors than in records.
func (c *Collector) batch() int {
	n := 0
	for _, list := range c.known {
		n += len(list)
	}
	return min(max(n/4, c.cfg.Batch), mostBatches*c.cfg.Batch)
}

// draft makes the record of a change, where it is worth one.
func (c *Collector) draft(ch Change) intake.Draft {
	if ch.What == unreached {
		return intake.Draft{}
	}
	return c.part.Draft(ch)
}

func (c *Collector) submit(ctx context.Context, batch []Change) (err error) {
	drafts, undo := make([]intake.Draft, 0, len(batch)), make([]func(), len(batch))
	for i := range batch {
		if d := c.draft(batch[i]); d.Record != nil {
			drafts = append(drafts, d)
		}
		undo[i] = c.known.set(batch[i].List, batch[i].ID, batch[i].next)
	}
	defer func() {
		for i := len(undo) - 1; err != nil && i >= 0; i-- { // it is not so until it is durable
			undo[i]()
		}
	}()
	cursors := map[string][]byte{}
	if cursors[c.knownName()], err = c.known.encode(); err == nil {
		cursors[c.stateName()], err = json.Marshal(c.st)
	}
	if err != nil {
		return fmt.Errorf("write what is known of %s: %w", c.cfg.What, err)
	}
	if _, err = c.deps.Door.Submit(ctx, intake.Delivery{Credential: c.cfg.Credential, Drafts: drafts, Cursors: cursors}); err != nil {
		return trouble.Ours(fmt.Errorf("keep what %s shows: %w", c.cfg.What, err))
	}
	return nil
}
