package modelclient

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/secret"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// World is what a Client needs of a world.
type World interface {
	// Between returns the acts of [from, to) in the order in which they happened.
	Between(from, to time.Time) []world.Act
}

// Config configures a Client.
type Config struct {
	World World
	Model *Model // of the simulated Messages API behind URL
	Clock *Clock // moved by History
	URL   string // the clients' ANTHROPIC_BASE_URL
	// Header and Token are what a device sends for the gateway itself, as ANTHROPIC_CUSTOM_HEADERS would have it; "" sends none.
	Header string
	Token  func(*world.Device) secret.String
	// Settle waits until what stands between has taken note of what passed, before the clock moves on; nil waits for nothing.
	Settle func(context.Context) error
	Logger *slog.Logger
}

// Client sends the enterprise's model traffic.
type Client struct {
	cfg  Config
	http *http.Client

	mu    sync.Mutex
	queue []*session // sessions to be played live; guarded by mu
	more  chan struct{}
}

// session is a piece of live activity.
type session struct{ acts []world.Act }

// Report is what became of what was sent.
type Report struct {
	Requests  int   // of the world, tries not counted
	Exchanges int   // every try
	Bytes     int64 // of bodies sent
	Refused   int   // answered otherwise than the model would have
	Failed    int   // not answered
}

// New makes a client. Nothing is sent before History or Play. Close frees its connections.
func New(cfg Config) (*Client, error) {
	if cfg.World == nil || cfg.Model == nil || cfg.Clock == nil || cfg.URL == "" || cfg.Logger == nil {
		return nil, errors.New("make model client: a world, a model, a clock, an address and a logger are needed")
	}
	return &Client{
		cfg: cfg, more: make(chan struct{}, 1),
		// Encodings are asked for as the real client does, and nothing here reads what is answered but its end.
		http: &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}},
	}, nil
}

// Close closes the connections. Call it when nothing is sent any more.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// ahead is how far beyond its end a history is looked at: what a model asked for is known from what was done.
const ahead = time.Hour

// History sends what the clients asked the model in [from, to), one after the other in the order in which they began, and lets
// the clock be the real one afterwards. Of a process that began before from nothing is sent, nor what was answered after to.
func (c *Client) History(ctx context.Context, from, to time.Time) (Report, error) {
	defer c.cfg.Clock.set(time.Time{})
	all := c.cfg.World.Between(from, to.Add(ahead))
	p := newPlayer(all)
	var list []exchange
	for i := range all {
		a := &all[i]
		if a.Process != nil && a.Process.Start.Before(from) || !a.At.Before(to) {
			continue
		}
		list = append(list, p.play(a)...)
	}
	slices.SortStableFunc(list, func(a, b exchange) int {
		return cmp.Or(a.start.Compare(b.start), cmp.Compare(a.act.ID, b.act.ID), cmp.Compare(a.try, b.try))
	})
	var r Report
	for i := range list {
		e := &list[i]
		if err := c.send(ctx, e, true, &r); err != nil {
			return r, err
		}
	}
	return r, nil
}

// Play lets acts happen as their times say, while Run runs.
func (c *Client) Play(acts []world.Act) {
	c.mu.Lock()
	c.queue = append(c.queue, &session{acts})
	c.mu.Unlock()
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// Run plays what Play is given until ctx ends, which is no error.
func (c *Client) Run(ctx context.Context) error {
	var playing sync.WaitGroup
	defer playing.Wait()
	for {
		c.mu.Lock()
		list := c.queue
		c.queue = nil
		c.mu.Unlock()
		for _, s := range list {
			playing.Go(func() { c.session(ctx, s.acts) })
		}
		select {
		case <-c.more:
		case <-ctx.Done():
			return nil
		}
	}
}

// session plays acts in their time. Requests of sub-agents run beside others.
func (c *Client) session(ctx context.Context, acts []world.Act) {
	p := newPlayer(acts)
	var list []exchange
	for i := range acts {
		list = append(list, p.play(&acts[i])...)
	}
	slices.SortStableFunc(list, func(a, b exchange) int { return a.start.Compare(b.start) })
	var sending sync.WaitGroup
	defer sending.Wait()
	for i := range list {
		e := &list[i]
		if !wait(ctx, e.start) {
			return
		}
		sending.Go(func() {
			var r Report
			if err := c.send(ctx, e, false, &r); err == nil && r.Failed > 0 {
				c.cfg.Logger.DebugContext(ctx, "simulated request failed", slog.String("request", e.act.Keys.Request))
			}
		})
	}
}

// send sends one try and reads the answer to its end. Only the end of ctx is an error.
func (c *Client) send(ctx context.Context, e *exchange, history bool, r *Report) error {
	data := e.body()
	q := question{sha256.Sum256(data), strconv.Itoa(e.try)}
	seen := make(chan struct{})
	saw := sync.OnceFunc(func() { close(seen) })
	defer saw()
	turn := e.answer()
	if history {
		turn = past(turn, c.cfg.Clock, e.first, e.end, seen)
		c.cfg.Clock.set(e.start)
	} else {
		turn = live(turn, e.first.Sub(e.start), e.end.Sub(e.start))
	}
	c.cfg.Model.expect(q, turn)
	defer c.cfg.Model.forget(q)
	if e.last {
		r.Requests++
	}
	r.Exchanges++
	r.Bytes += int64(len(data))
	status, err := c.post(ctx, e, data, saw)
	if history && c.cfg.Settle != nil {
		err = errors.Join(err, c.cfg.Settle(ctx))
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		c.cfg.Logger.DebugContext(ctx, "simulated request failed", slog.String("error", err.Error()))
		r.Failed++
	case status != cmp.Or(e.status, http.StatusOK):
		r.Refused++
	}
	return nil
}

func (c *Client) post(ctx context.Context, e *exchange, data []byte, saw func()) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cfg.URL+"/v1/messages?beta=true", bytes.NewReader(data))
	if err != nil {
		return 0, fmt.Errorf("make a request: %w", err)
	}
	req.Header = e.header()
	if c.cfg.Token != nil {
		present(req.Header, c.cfg.Header, c.cfg.Token(e.act.Device))
	}
	res, err := c.http.Do(req)
	if err != nil {
		return 0, fmt.Errorf("ask the model: %w", err)
	}
	defer res.Body.Close()
	var one [1]byte
	if _, err := io.ReadFull(res.Body, one[:]); err != nil {
		return 0, fmt.Errorf("read the answer: %w", err)
	}
	saw()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return 0, fmt.Errorf("read the answer: %w", err)
	}
	return res.StatusCode, nil
}

// wait waits until a time and reports whether it came before ctx ended.
func wait(ctx context.Context, until time.Time) bool {
	t := time.NewTimer(time.Until(until))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
