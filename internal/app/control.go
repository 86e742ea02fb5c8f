package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/erasure"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
)

// control is DIR/tripod.sock (0600): what commands that write use while serve holds the journal.
type control struct {
	listener net.Listener
	server   *http.Server
	commands map[string][]string // by pattern; see socket
	ending   chan struct{}       // closed when run is to end: what may take longer than a stop breaks off
}

// EraseOrder orders an erasure of one record or one container.
type EraseOrder struct {
	Seq       uint64 `json:"seq,omitempty"`
	Container string `json:"container,omitempty"`
	Case      string `json:"case,omitempty"`
	Reason    string `json:"reason"`
}

func newControl(a *App) (*control, error) {
	path := socketPath(a.cfg.Data)
	if err := removeFile(path); err != nil { // the journal's lock says that nobody else serves here
		return nil, fmt.Errorf("remove old control socket: %w", err)
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on control socket: %w: a socket's path may be about 100 bytes long, choose a shorter data directory", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("protect control socket: %w", err), ln.Close())
	}
	ending := make(chan struct{})
	paths := &socket{app: a, mux: http.NewServeMux(), commands: make(map[string][]string)}
	paths.handle("POST /v1/erase", func(w http.ResponseWriter, r *http.Request) { serveErase(w, r, a.truth) }, "erase")
	handleLifecycle(a, paths.handle)
	handleAlerts(a, paths.handle)
	handleAccess(a, paths.handle)
	paths.handle("POST /v1/import", func(w http.ResponseWriter, r *http.Request) { serveImport(w, r, a.truth, ending) }, "import")
	paths.handle("POST /v1/backup", func(w http.ResponseWriter, r *http.Request) { serveBackup(w, r, a.truth, ending) }, "backup")
	paths.handle("POST /v1/rotate-data", func(w http.ResponseWriter, r *http.Request) { serveRotateData(w, r, a.truth) }, "keys rotate data")
	paths.handle("POST /v1/examine-gateway", func(w http.ResponseWriter, r *http.Request) { serveExamineGateway(w, r, a) }, "doctor")
	paths.handle("POST /v1/examine", func(w http.ResponseWriter, r *http.Request) { serveExamine(w, r, a) }, "doctor")
	paths.handle("POST /v1/reviews", func(w http.ResponseWriter, r *http.Request) { serveReviews(w, r, a.truth, a.signIn, a.reader()) }, reviewCommands()...)
	paths.handle("POST /v1/case", func(w http.ResponseWriter, r *http.Request) { serveCase(w, r, a) }, caseCommands()...)
	paths.handle("POST /v1/forward", func(w http.ResponseWriter, r *http.Request) { serveForward(w, r, a) }, "forward redrive", "forward backfill", "forward probe")
	paths.handle("POST /v1/link", func(w http.ResponseWriter, r *http.Request) { serveLink(w, r, a.console) }, "console")
	paths.handle("POST /v1/revoke", func(w http.ResponseWriter, r *http.Request) { serveRevoke(w, r, a) }, "console --revoke")
	if err := errors.Join(paths.errs...); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return &control{listener: ln, ending: ending, commands: paths.commands, server: &http.Server{
		Handler: paths.mux, ReadHeaderTimeout: 5 * time.Second,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			name, _ := peerUser(c)
			return context.WithValue(ctx, loginKey{}, name)
		},
	}}, nil
}

func socketPath(dir string) string { return filepath.Join(dir, "tripod.sock") }

func (c *control) run(ctx context.Context) error {
	context.AfterFunc(ctx, func() { close(c.ending) })
	return serveHTTP(ctx, c.server, c.listener, drainTime)
}

func serveErase(w http.ResponseWriter, r *http.Request, t *Truth) {
	var order EraseOrder
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&order); err != nil {
		http.Error(w, "erase: "+err.Error(), http.StatusBadRequest)
		return
	}
	by, _ := r.Context().Value(peerKey{}).(audit.Identity)
	// Once ordered it is carried through, whether or not the caller waits.
	receipt, err := t.Erase(context.WithoutCancel(r.Context()), order, by)
	if err != nil {
		status := http.StatusConflict
		if kept(err) {
			status = http.StatusLocked
		}
		http.Error(w, err.Error(), status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(receipt)
}

// link is the answer to whoever asks for a way into the console.
type link struct {
	URL string `json:"url"`
}

const noConsole = "this serve has no console: it listens on no address for one"

func serveLink(w http.ResponseWriter, r *http.Request, c *console) {
	if c.pages == nil {
		http.Error(w, noConsole, http.StatusConflict)
		return
	}
	url, err := c.pages.Link(r.Context(), *personOf(r))
	if err != nil {
		status := http.StatusInternalServerError
		if refusal(err) {
			status = http.StatusForbidden
		}
		http.Error(w, err.Error(), status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(link{url})
}

// Revoked is what RevokeConsole ended.
type Revoked struct {
	SignIns int `json:"sign_ins"`
	Links   int `json:"links"`
}

func serveRevoke(w http.ResponseWriter, r *http.Request, a *App) {
	ended, err := a.signIn.EndAll(context.WithoutCancel(r.Context()), "", personOf(r)) // on record, whether or not the caller waits
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(Revoked(ended))
}

// ConsoleLink asks the serve that runs on a data directory for an address that signs its reader in to the console, once.
func ConsoleLink(ctx context.Context, dir string) (string, error) {
	if err := mustExist(dir); err != nil {
		return "", err
	}
	var l link
	err := ask(ctx, dir, "/v1/link", struct{}{}, &l)
	if errors.Is(err, errNoServe) {
		err = fmt.Errorf("%w: start tripod serve --data %s", err, dir)
	}
	return l.URL, err
}

// RevokeConsole ends every sign-in and every unused link of the console of the serve that runs on a data directory.
func RevokeConsole(ctx context.Context, dir string) (Revoked, error) {
	var r Revoked
	if err := mustExist(dir); err != nil {
		return r, err
	}
	err := ask(ctx, dir, "/v1/revoke", struct{}{}, &r)
	if errors.Is(err, errNoServe) {
		err = fmt.Errorf("%w: sign-ins and links end with it", err)
	}
	return r, err
}

// Erase carries an order out; by is who gave it, as far as it is proved.
func (t *Truth) Erase(ctx context.Context, o EraseOrder, by audit.Identity) (erasure.Receipt, error) {
	if t.Refused != nil {
		return erasure.Receipt{}, t.Refused
	}
	order := erasure.Order{By: by, Case: o.Case, Reason: o.Reason}
	if o.Seq > 0 {
		return t.Eraser.Record(ctx, o.Seq, order)
	}
	return t.Eraser.Container(ctx, o.Container, order)
}

// Erase orders an erasure on a data directory: through the socket while serve runs there, else with the journal's lock.
func Erase(ctx context.Context, dir string, o EraseOrder) (erasure.Receipt, error) {
	if err := mustExist(dir); err != nil {
		return erasure.Receipt{}, err
	}
	var receipt erasure.Receipt
	err := ask(ctx, dir, "/v1/erase", o, &receipt)
	if !errors.Is(err, errNoServe) {
		return receipt, err
	}
	t, by, err := openTruthFor(ctx, TruthOptions{Dir: dir}, "erase")
	if err != nil {
		return erasure.Receipt{}, err
	}
	receipt, err = t.Erase(ctx, o, by.Identity())
	if kept(err) {
		err = &RefusedError{Status: http.StatusLocked, Text: err.Error()}
	}
	return receipt, errors.Join(err, t.Close(ctx))
}

// kept reports whether an error says that a hold or a law keeps what was to be erased.
func kept(err error) bool {
	return errors.Is(err, erasure.ErrHeld) || errors.Is(err, retention.ErrStatutory)
}

// mustExist refuses a directory without a journal: only serve and demo make one.
func mustExist(dir string) error {
	if err := wholeOf(dir); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, journal.FileName)); err != nil {
		return fmt.Errorf("no journal in %s: name the data directory with --data, or start one with tripod serve: %w", dir, err)
	}
	return nil
}

const (
	maxAnswer  = 256 << 20 // bounds an answer of serve, which may hold the content of one record
	maxRefusal = 64 << 10  // and why it gives none
)

// RefusedError says that a command was refused, by serve or by who would have carried it out in its place.
type RefusedError struct {
	Status int // of HTTP: 403 for roles and rules, 404, 409 for what is over, 423 for what a hold or a law keeps, 400 for what is malformed
	Text   string
}

// Error is one line.
func (e *RefusedError) Error() string { return "serve refused: " + e.Text }

// Unwrap lets a refusal for want of a right be told from any other.
func (e *RefusedError) Unwrap() error {
	if e.Status == http.StatusForbidden {
		return ErrForbidden
	}
	return nil
}

var errNoServe = errors.New("no serve runs here")

// ask sends a question to the serve that runs on a data directory and reads its answer; errNoServe where none runs.
func ask(ctx context.Context, dir, path string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	return send(ctx, dir, path, bytes.NewReader(body), answer)
}

// send is ask with any body. Nothing of the body is read where no serve runs.
func send(ctx context.Context, dir, path string, body io.Reader, answer any) error {
	return stream(ctx, dir, path, body, func(r io.Reader) error {
		b, err := io.ReadAll(io.LimitReader(r, maxAnswer))
		if err == nil {
			err = json.Unmarshal(b, answer)
		}
		if err != nil {
			return fmt.Errorf("ask serve: %w", err)
		}
		return nil
	})
}

// stream is send for an answer that is read as it comes.
func stream(ctx context.Context, dir, path string, body io.Reader, use func(io.Reader) error) error {
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, "unix", socketPath(dir))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errNoServe, err)
		}
		return c, nil
	}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://tripod"+path, body)
	if err != nil {
		return err
	}
	token, err := asker(ctx).Token()
	if err != nil {
		return err
	}
	if !token.IsZero() {
		req.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("ask serve: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		b, err := io.ReadAll(io.LimitReader(res.Body, maxRefusal))
		if err != nil {
			return fmt.Errorf("ask serve: %w", err)
		}
		return &RefusedError{Status: res.StatusCode, Text: string(bytes.TrimSpace(b))}
	}
	return use(res.Body)
}

// osIdentity is who runs this process, as the operating system proves it.
func osIdentity() audit.Identity {
	if u, err := user.Current(); err == nil {
		return audit.Identity{OSUser: u.Username}
	}
	return audit.Identity{OSUser: fmt.Sprintf("uid:%d", os.Getuid())}
}
