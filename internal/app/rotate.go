package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/keyring"
	"github.com/tripod-audit/tripod/internal/ledger"
	"github.com/tripod-audit/tripod/internal/secret"
)

// Rotated says what a change of keys did.
type Rotated struct {
	What string `json:"what"` // "master", "ledger", "data"
	Keys int    `json:"keys"` // wrapped keys that are under the new master key, or containers that got a new key
	Key  string `json:"key,omitempty"`
	// Elsewhere says that the master key comes from the environment, which has to be given the new one now.
	Elsewhere bool `json:"elsewhere,omitempty"`
}

// mayRotate asks who gives a command that changes keys, before anything changes. It is asked of the records: nobody gains a
// right by stopping serve.
func mayRotate(ctx context.Context, dir, command string) (audit.Identity, error) {
	if err := mustExist(dir); err != nil {
		return audit.Identity{}, err
	}
	t, by, err := openTruthFor(ctx, TruthOptions{Dir: dir}, command)
	if errors.Is(err, journal.ErrLocked) {
		return audit.Identity{}, fmt.Errorf("%w: stop tripod serve for the change of this key, which takes a moment", err)
	}
	if err != nil {
		return audit.Identity{}, err
	}
	return by.Identity(), errors.Join(t.Refused, t.Close(ctx))
}

// locked runs a change of keys while nobody else has the data directory.
func locked(ctx context.Context, dir string, change func(*journal.Journal) (Rotated, error)) (done Rotated, err error) {
	j, err := journal.Open(ctx, dir, journal.Options{})
	if err != nil {
		return done, err
	}
	if err = settleMaster(ctx, dir); err == nil {
		done, err = change(j)
	}
	return done, errors.Join(err, j.Close())
}

// onRecord puts a change of keys on record. get is where the master key comes from now.
func onRecord(ctx context.Context, dir string, getenv func(string) string, done Rotated, by audit.Identity) error {
	t, err := OpenTruth(ctx, TruthOptions{Dir: dir, getenv: getenv})
	if err != nil {
		return fmt.Errorf("the key is changed; put it on record: %w", err)
	}
	return errors.Join(t.rotated(ctx, done, by), t.Close(ctx))
}

func (t *Truth) rotated(ctx context.Context, done Rotated, by audit.Identity) error {
	if t.Refused != nil {
		return t.Refused
	}
	attrs := audit.Attrs{{Name: "what", Value: audit.String(done.What)}, {Name: "keys", Value: audit.Int(int64(done.Keys))}}
	if done.Key != "" {
		attrs = append(attrs, audit.Attr{Name: "key", Value: audit.String(done.Key)})
	}
	_, err := t.Door.Record(ctx, intake.Act{Type: "tripod.keys.rotate", Activity: audit.ActivityOperation, Account: by, Attributes: attrs}, nil)
	if err != nil {
		return fmt.Errorf("the key is changed; put it on record: %w", err)
	}
	return nil
}

// RotateLedger makes a new signing key that the old one hands over to.
func RotateLedger(ctx context.Context, dir string) (Rotated, error) {
	by, err := mayRotate(ctx, dir, "keys rotate ledger")
	if err != nil {
		return Rotated{}, err
	}
	done, err := locked(ctx, dir, func(j *journal.Journal) (Rotated, error) {
		h, err := ledger.Rotate(ctx, dir, j.Reader())
		return Rotated{What: "ledger", Keys: 1, Key: h.Next}, err
	})
	if err != nil {
		return done, err
	}
	return done, onRecord(ctx, dir, os.Getenv, done, by)
}

// RotateMaster puts all wrapped keys under a new master key: the one in a file, or a new one in the place of the old in the data
// directory. What was derived from the first master key stays.
func RotateMaster(ctx context.Context, dir, newFrom string) (Rotated, error) {
	by, err := mayRotate(ctx, dir, "keys rotate master")
	if err != nil {
		return Rotated{}, err
	}
	var text secret.String
	done, err := locked(ctx, dir, func(*journal.Journal) (done Rotated, err error) {
		done.What, done.Elsewhere = "master", os.Getenv(keyring.EnvKey) != "" || os.Getenv(keyring.EnvFile) != ""
		switch {
		case newFrom != "":
			text, err = secret.ReadFile(newFrom)
		case done.Elsewhere:
			return done, fmt.Errorf("the master key comes from the environment: make the new one where the old one is kept, and give it with --new-from FILE")
		default:
			text, err = keyring.Random()
		}
		if err != nil {
			return done, err
		}
		done.Keys, err = rewrap(ctx, dir, text, done.Elsewhere)
		return done, err
	})
	if err != nil {
		return done, err
	}
	getenv := os.Getenv
	if done.Elsewhere {
		getenv = func(name string) string {
			if name == keyring.EnvKey {
				return text.Reveal()
			}
			return ""
		}
	}
	return done, onRecord(ctx, dir, getenv, done, by)
}

// rewrap changes the master key. The order makes it whole after a crash at any moment: what was derived is sealed under both keys;
// the new key is put beside the old; all wrapped keys change in one transaction; the new key takes the old one's place, now or,
// by settleMaster, at the next start; what was derived is sealed under the new key alone.
func rewrap(ctx context.Context, dir string, text secret.String, elsewhere bool) (int, error) {
	old, err := keyring.Load(keyring.Config{DataDir: dir, Getenv: os.Getenv})
	if err != nil {
		return 0, err
	}
	next, err := keyring.Parse(text)
	if err != nil {
		return 0, err
	}
	if err := keyring.SealDerived(ctx, dir, old, old, next); err != nil {
		return 0, err
	}
	if !elsewhere {
		if err := keyring.PutNext(dir, text); err != nil {
			return 0, err
		}
	}
	n, err := content.Rewrap(ctx, dir, old, next)
	if err != nil {
		return 0, errors.Join(err, settleMaster(ctx, dir))
	}
	if !elsewhere {
		if err := keyring.SettleNext(dir, true); err != nil {
			return n, err
		}
	}
	return n, keyring.SealDerived(ctx, dir, old, next)
}

// settleMaster completes or forgets a change of the master key that was cut short. The caller holds the journal's lock.
func settleMaster(ctx context.Context, dir string) error {
	text, ok, err := keyring.Next(dir)
	if err != nil || !ok {
		return err
	}
	next, err := keyring.Parse(text)
	if err != nil {
		return err
	}
	_, _, err = content.Unwrappable(ctx, dir, next)
	switch {
	case errors.Is(err, content.ErrWrongKey):
		return keyring.SettleNext(dir, false)
	case err != nil:
		return fmt.Errorf("settle the change of the master key: %w", err)
	}
	return keyring.SettleNext(dir, true)
}

// RotateData encrypts content anew under new data keys: that of one container, or all. It runs in serve where one runs.
func RotateData(ctx context.Context, dir, container string) (Rotated, error) {
	if err := mustExist(dir); err != nil {
		return Rotated{}, err
	}
	var done Rotated
	if err := ask(ctx, dir, "/v1/rotate-data", rotateOrder{container}, &done); !errors.Is(err, errNoServe) {
		return done, err
	}
	t, by, err := openTruthFor(ctx, TruthOptions{Dir: dir}, "keys rotate data")
	if err != nil {
		return done, err
	}
	done, err = t.rotateData(ctx, container, by.Identity())
	return done, errors.Join(err, t.Close(ctx))
}

type rotateOrder struct {
	Container string `json:"container,omitempty"` // "" is all
}

func (t *Truth) rotateData(ctx context.Context, container string, by audit.Identity) (Rotated, error) {
	done := Rotated{What: "data"}
	if t.Refused != nil {
		return done, t.Refused
	}
	seen := make(map[string]bool)
	renew := func(name string) error {
		if seen[name] || container != "" && name != container {
			return nil
		}
		seen[name] = true
		done.Keys++
		return t.Eraser.Still(ctx, func() error { return t.Content.Renew(ctx, name) })
	}
	if err := t.Content.Reader().LivingContainers(ctx, renew); err != nil {
		return done, fmt.Errorf("renew data keys (%d done; it may be run again): %w", max(done.Keys-1, 0), err)
	}
	if done.Keys == 0 && container != "" {
		return done, fmt.Errorf("renew data keys: container %q holds nothing: %w", container, content.ErrMissing)
	}
	return done, t.rotated(ctx, done, by)
}

func serveRotateData(w http.ResponseWriter, r *http.Request, t *Truth) {
	var order rotateOrder
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&order); err != nil {
		http.Error(w, "rotate: "+err.Error(), http.StatusBadRequest)
		return
	}
	by, _ := r.Context().Value(peerKey{}).(audit.Identity)
	done, err := t.rotateData(r.Context(), order.Container, by)
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(done)
}
