package complianceapi

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/normalise"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/trouble"
	"github.com/tripod-audit/tripod/internal/intake"
)

// state is all a collector must remember. It is committed with the records it speaks of.
type state struct {
	Version  int                `json:"v"`
	Salt     []byte             `json:"salt"`              // keys the ids of what has none
	Start    time.Time          `json:"start"`             // history was asked for from here on
	Seen     time.Time          `json:"seen"`              // everything before was read, as far as it was there
	Hour     time.Time          `json:"hour"`              // the first hour that is in no window yet
	Windows  []window           `json:"windows,omitempty"` // to be read, or read again
	Forward  *walk              `json:"forward,omitempty"` // the poll under way
	Reading  *walk              `json:"reading,omitempty"` // of the first window
	Passed   time.Time          `json:"passed,omitzero"`   // polls begin no earlier: what is before is a window that they could not read
	Gap      *gap               `json:"gap,omitempty"`     // told; nil where no window is in trouble
	Owed     []statement        `json:"owed,omitempty"`    // found and not yet stated
	Switches []normalise.Switch `json:"switches,omitempty"`
}

const stateVersion = 2

// Kinds of windows.
const (
	kindHour    = "hour"
	kindHistory = "history" // before the first run
	kindOutage  = "outage"  // when nobody polled
)

// window is a stretch of the feed that is read as a whole, and stated.
type window struct {
	Kind string    `json:"kind"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`  // exclusive
	Due  time.Time `json:"due"` // by the server's time; it is not read before
	// What the last complete reading found.
	Readings int    `json:"readings,omitempty"`
	Rows     int64  `json:"rows,omitempty"`
	Sum      string `json:"sum,omitempty"`
	// Where its reading does not come to its end.
	Walk     *walk `json:"walk,omitempty"`     // how far it came before something else was read
	Failures int   `json:"failures,omitempty"` // in a row, while other requests succeeded
	Part     bool  `json:"part,omitempty"`     // of a window, or a poll, that could not be read
	Unread   bool  `json:"unread,omitempty"`   // it was stated that it cannot be read
}

// walk is a reading under way, page by page.
type walk struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Began    time.Time `json:"began"`           // by the server, with the first page
	After    string    `json:"after,omitempty"` // cursor of the last page that is durable
	At       time.Time `json:"at,omitzero"`     // of the oldest activity of that page
	Rows     int64     `json:"rows,omitempty"`
	Sum      [16]byte  `json:"sum"`
	Requests int       `json:"requests,omitempty"`
	First    string    `json:"first,omitempty"` // request ids
	Last     string    `json:"last,omitempty"`
	Restarts int       `json:"restarts,omitempty"`
	Failures int       `json:"failures,omitempty"` // of a poll in a row, while other requests succeeded
	Limit    int       `json:"limit,omitempty"`    // of its pages, where larger ones were too large
}

// load reads the state committed last.
func (c *Collector) load(ctx context.Context) error {
	b, err := c.cursors.Cursor(ctx, c.cursor)
	if err != nil {
		return fmt.Errorf("read the cursor of the activity feed: %w", err)
	}
	if b == nil {
		c.st = state{Version: stateVersion, Salt: make([]byte, 16)}
		_, err := rand.Read(c.st.Salt)
		return err
	}
	if err := json.Unmarshal(b, &c.st); err != nil {
		return fmt.Errorf("read the cursor of the activity feed: %w", err)
	}
	if c.st.Version != stateVersion {
		return fmt.Errorf("read the cursor of the activity feed: it has version %d, and this build knows %d: use the newer build", c.st.Version, stateVersion)
	}
	return nil
}

// clone copies what a step may change: a step works on a copy, which takes the state's place once it is durable.
func (s *state) clone() state {
	n := *s
	n.Windows, n.Owed, n.Switches = slices.Clone(s.Windows), slices.Clone(s.Owed), slices.Clone(s.Switches)
	if s.Forward != nil {
		w := *s.Forward
		n.Forward = &w
	}
	if s.Reading != nil {
		w := *s.Reading
		n.Reading = &w
	}
	return n
}

// commit makes drafts durable together with the state that follows from them.
func (c *Collector) commit(ctx context.Context, next state, drafts []intake.Draft) (intake.Receipt, error) {
	cursors, err := c.encode(next)
	if err != nil {
		return intake.Receipt{}, err
	}
	receipt, err := c.door.Submit(ctx, intake.Delivery{Credential: c.cfg.Credential, Drafts: drafts, Cursors: cursors})
	if err != nil {
		return receipt, trouble.Ours(err)
	}
	c.st = next
	return receipt, nil
}

// act records an own act together with the state that follows from it.
func (c *Collector) act(ctx context.Context, next state, a intake.Act) error {
	cursors, err := c.encode(next)
	if err != nil {
		return err
	}
	if _, err := c.door.Record(ctx, a, cursors); err != nil {
		return trouble.Ours(err)
	}
	c.st = next
	return nil
}

func (c *Collector) encode(s state) (map[string][]byte, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write the cursor of the activity feed: %w", err)
	}
	return map[string][]byte{c.cursor: b}, nil
}
