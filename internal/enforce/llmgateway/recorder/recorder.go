package recorder

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Cursor is the journal cursor that holds the open exchanges.
const Cursor = "gateway.llm"

// Normaliser is what records of the gateway name as what made them.
const Normaliser = "llmgateway/1"

// Conditions the recorder raises.
const (
	ConditionWaiting = "gateway.llm.waiting" // the journal refuses; what is noted waits in memory
	ConditionLost    = "gateway.llm.lost"    // exchanges pass unrecorded
)

// TypeLost is Tripod's own record of exchanges that passed unrecorded.
const TypeLost = "tripod.gateway.lost"

// Config bounds a recorder. The zero value is usable.
type Config struct {
	MaxExchanges int   `yaml:"max_waiting"`       // notes that wait to be written; 0: 10,000
	MaxBytes     int64 `yaml:"max_waiting_bytes"` // of content that waits, in bytes; 0: 128 MiB
}

// Validate says what is wrong with the bounds.
func (c Config) Validate() error {
	if c.MaxExchanges < 0 || c.MaxBytes < 0 {
		return errors.New("gateway.record: max_waiting and max_waiting_bytes must not be negative")
	}
	return nil
}

func (c Config) orDefaults() Config {
	if c.MaxExchanges == 0 {
		c.MaxExchanges = 10_000
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 128 << 20
	}
	return c
}

// Door is what a recorder needs of intake.
type Door interface {
	Submit(ctx context.Context, d intake.Delivery) (intake.Receipt, error)
	Held(ctx context.Context, d intake.Delivery) ([]bool, error)
	Level(r *audit.Record, credential string) audit.Class
	Record(ctx context.Context, act intake.Act, cursors map[string][]byte) (uint64, error)
}

// Cursors is what a recorder needs of the journal.
type Cursors interface {
	Cursor(ctx context.Context, name string) ([]byte, error)
}

// Deps are what a Recorder needs of others. Door and Cursors are required.
type Deps struct {
	Door       Door
	Cursors    Cursors
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Health     *health.Registry
	Now        func() time.Time // nil: time.Now, whose durations no setting of the clock changes
	// Key names conversations of clients that name none, so that the name confirms no guess of what was said. nil: a random
	// one, and such a conversation has another name after each start.
	Key []byte
}

// Recorder makes records of exchanges.
type Recorder struct {
	cfg   Config
	deps  Deps
	stats *stats
	seen  *seen

	mu      sync.Mutex
	waiting []*note       // noted and not durable, in order
	bytes   int64         // of them
	noted   uint64        // number of the last note
	durable uint64        // number of the last one that is durable
	failing error         // why the last attempt to write failed; nil where it did not
	tried   chan struct{} // closed after each attempt
	lost    loss

	wake  chan struct{}           // holds one when there is something to write
	hurry chan struct{}           // holds one when it is not to wait for more
	open  map[string]openExchange // on record; the writer's own

	drainFor time.Duration
}

// New makes a recorder. Nothing is durable before Run.
func New(cfg Config, deps Deps) (*Recorder, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	if len(deps.Key) == 0 {
		deps.Key = []byte(rand.Text())
	}
	r := &Recorder{
		cfg: cfg.orDefaults(), deps: deps, seen: newSeen(), tried: make(chan struct{}), wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1),
		open: make(map[string]openExchange), drainFor: drainFor,
	}
	var err error
	if r.stats, err = newStats(deps.Registerer, r); err != nil {
		return nil, fmt.Errorf("register metrics of the gateway's recorder: %w", err)
	}
	return r, nil
}

func (r *Recorder) now() time.Time { return r.deps.Now().UTC() }
