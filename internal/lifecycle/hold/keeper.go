package hold

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/erasure"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/journal"
)

// Deps is what a Keeper works with. Book must be a fold of Acts.
type Deps struct {
	Book    *Book
	Acts    *acts.State
	Door    acts.Recorder
	Journal *journal.Reader
	// Still runs a function while nothing is erased; see erasure.Eraser.
	Still func(ctx context.Context, do func() error) error
	// Known lists every identifier an account is or was known by, given one of them. Nil: only the one given.
	Known func(ctx context.Context, id string) ([]string, error)
	// Sees reports whether somebody sees what a case is about: others have no part in its holds, and see no more of them
	// than that there are any. It is called under the lock of Acts. Nil: everybody who may see holds does.
	Sees func(by *access.Person, caseID string, now time.Time) bool
}

// Keeper sets and releases holds, and tells what they cover.
type Keeper struct {
	deps Deps

	mu     sync.Mutex        // guards covers
	covers map[string]*cover // by hold
}

// NewKeeper makes a keeper.
func NewKeeper(d Deps) *Keeper { return &Keeper{deps: d, covers: make(map[string]*cover)} }

// NewHold is what somebody wants held.
type NewHold struct {
	Case string `json:"case"`
	Scope
	Reason string `json:"reason"` // free text; kept as content
}

// Set sets a hold under a matter. It waits for an erasure that is under way.
func (k *Keeper) Set(ctx context.Context, by *access.Person, n NewHold) (Hold, error) {
	if err := by.Allow(access.SetHold); err != nil {
		return Hold{}, fmt.Errorf("set hold: %w", err)
	}
	if strings.TrimSpace(n.Reason) == "" {
		return Hold{}, fmt.Errorf("set hold: %w: give a reason; it goes on record", ErrInvalid)
	}
	h := Hold{Case: n.Case, Scope: n.tidy(), By: by.Identity()}
	known, err := k.known(ctx, h.Custodians)
	if err != nil {
		return Hold{}, fmt.Errorf("set hold: %w", err)
	}
	h.KnownAs = known
	err = k.deps.Still(ctx, func() error {
		_, err := k.deps.Acts.Decide(ctx, k.deps.Door, func(now time.Time) (intake.Act, error) {
			if !k.sees(by, h.Case, now) {
				return intake.Act{}, fmt.Errorf("%w: there is no matter %.40q that you take part in", ErrInvalid, h.Case)
			}
			h.ID = k.deps.Book.next(now)
			if err := k.deps.Book.maySet(&h, now); err != nil {
				return intake.Act{}, err
			}
			return act(TypeSet, by, h.Case, n.Reason, h.attrs()), nil
		})
		return err
	})
	if err != nil {
		return Hold{}, fmt.Errorf("set hold: %w", err)
	}
	return k.get(ctx, h.ID)
}

// AskRelease asks for the release of a hold; a second person releases it, or keeps it.
func (k *Keeper) AskRelease(ctx context.Context, by *access.Person, id, reason string) (Hold, error) {
	return k.decide(ctx, by, access.ReleaseHold, TypeAskRelease, id, reason, func() (*Hold, error) { return k.deps.Book.mayAsk(id, by.Identity()) })
}

// Keep turns a release down that was asked for.
func (k *Keeper) Keep(ctx context.Context, by *access.Person, id, reason string) (Hold, error) {
	return k.decide(ctx, by, access.ReleaseHold, TypeKeep, id, reason, func() (*Hold, error) { return k.deps.Book.mayKeep(id) })
}

// Release releases a hold whose release somebody else asked for. It never changes afterwards.
func (k *Keeper) Release(ctx context.Context, by *access.Person, id, reason string) (Hold, error) {
	return k.decide(ctx, by, access.ReleaseHold, TypeRelease, id, reason, func() (*Hold, error) { return k.deps.Book.mayRelease(id, by.Identity()) })
}

func (k *Keeper) decide(ctx context.Context, by *access.Person, right access.Right, typ, id, reason string, may func() (*Hold, error)) (Hold, error) {
	verb := strings.ReplaceAll(strings.TrimPrefix(typ, "tripod.hold."), "_", " ")
	if err := by.Allow(right); err != nil {
		return Hold{}, fmt.Errorf("%s hold: %w", verb, err)
	}
	_, err := k.deps.Acts.Decide(ctx, k.deps.Door, func(now time.Time) (intake.Act, error) {
		h, err := may()
		if err != nil {
			return intake.Act{}, err
		}
		if !k.sees(by, h.Case, now) {
			return intake.Act{}, fmt.Errorf("hold %s: %w: who does not see its matter has no part in it", h.ID, ErrPerson)
		}
		return act(typ, by, h.Case, reason, audit.Attrs{audit.TextAttr("hold", h.ID)}), nil
	})
	if err != nil {
		return Hold{}, fmt.Errorf("%s hold: %w", verb, err)
	}
	return k.get(ctx, id)
}

func act(typ string, by *access.Person, of, reason string, attrs audit.Attrs) intake.Act {
	a := intake.Act{Type: typ, Activity: audit.ActivityAdminChange, Account: by.Identity(), Case: of, Attributes: attrs}
	if reason = strings.TrimSpace(reason); reason != "" {
		a.Pieces = []intake.Piece{{Name: "reason", Class: audit.ClassDetail, Kind: audit.KindString, Value: []byte(reason)}}
	}
	return a
}

// List lists the holds, the latest first.
func (k *Keeper) List(ctx context.Context, by *access.Person) ([]Hold, error) {
	if err := by.Allow(access.ReadHolds); err != nil {
		return nil, fmt.Errorf("list holds: %w", err)
	}
	list, err := k.list(ctx)
	if err != nil {
		return nil, err
	}
	err = k.deps.Acts.Within(ctx, func(now time.Time) error {
		for i := range list {
			k.veil(by, &list[i], now)
		}
		return nil
	})
	return list, err
}

// sees reports whether somebody sees a case.
func (k *Keeper) sees(by *access.Person, caseID string, now time.Time) bool {
	return k.deps.Sees == nil || k.deps.Sees(by, caseID, now)
}

// veil leaves out what a hold covers where somebody does not see its matter.
func (k *Keeper) veil(by *access.Person, h *Hold, now time.Time) {
	if !k.sees(by, h.Case, now) {
		h.Scope, h.KnownAs, h.Veiled = Scope{}, nil, true
	}
}

// Show is one hold; the error wraps ErrUnknown where there is none.
func (k *Keeper) Show(ctx context.Context, by *access.Person, id string) (Hold, error) {
	if err := by.Allow(access.ReadHolds); err != nil {
		return Hold{}, fmt.Errorf("show hold: %w", err)
	}
	h, err := k.get(ctx, id)
	if err != nil {
		return Hold{}, fmt.Errorf("show hold: %w", err)
	}
	err = k.deps.Acts.Within(ctx, func(now time.Time) error {
		k.veil(by, &h, now)
		return nil
	})
	return h, err
}

func (k *Keeper) get(ctx context.Context, id string) (h Hold, err error) {
	err = k.deps.Acts.Within(ctx, func(time.Time) error {
		var ok bool
		if h, ok = k.deps.Book.Hold(id); !ok {
			return fmt.Errorf("hold %s: %w", strconv.Quote(id), ErrUnknown)
		}
		return nil
	})
	return h, err
}

func (k *Keeper) list(ctx context.Context) (list []Hold, err error) {
	err = k.deps.Acts.Within(ctx, func(time.Time) error {
		list = k.deps.Book.List()
		return nil
	})
	return list, err
}

// known lists the other identifiers of custodians.
func (k *Keeper) known(ctx context.Context, custodians []string) ([]string, error) {
	if k.deps.Known == nil {
		return nil, nil
	}
	var all []string
	for _, c := range custodians {
		ids, err := k.deps.Known(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("look up custodian %s: %w", strconv.Quote(c), err)
		}
		for _, id := range ids {
			if id != "" && !slices.Contains(custodians, id) && len(all) < maxNamed {
				all = append(all, id)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// tidy trims what people typed, and orders it.
func (s *Scope) tidy() Scope {
	t := Scope{From: s.From.UTC(), Until: s.Until.UTC(), Records: slices.Compact(slices.Sorted(slices.Values(s.Records)))}
	trim := func(list []string, lower bool) (out []string) {
		for _, x := range list {
			x = strings.TrimSpace(x)
			if lower && strings.Contains(x, "@") {
				x = strings.ToLower(x) // as records have addresses
			}
			if x != "" {
				out = append(out, x)
			}
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	t.Containers, t.Custodians = trim(s.Containers, false), trim(s.Custodians, true)
	for _, x := range s.Surfaces {
		if x = audit.Surface(strings.TrimSpace(string(x))); x != "" {
			t.Surfaces = append(t.Surfaces, x)
		}
	}
	slices.SortFunc(t.Surfaces, func(a, b audit.Surface) int { return cmp.Compare(a, b) })
	t.Surfaces = slices.Compact(t.Surfaces)
	return t
}

// Refuse is the erasure.Eraser's Held: an error that wraps erasure.ErrHeld and names holds where any covers the target. It
// tells nothing of what they are about: whoever erases need not know of the matter.
func (k *Keeper) Refuse(ctx context.Context, t erasure.Target) error {
	ids, err := k.Covers(ctx, t)
	if err != nil {
		return fmt.Errorf("cannot tell whether it is held, so it is kept: %w", err)
	}
	if len(ids) > 0 {
		return fmt.Errorf("%w: kept until %s is released; ask counsel, quoting that number", erasure.ErrHeld, strings.Join(ids, ", "))
	}
	return nil
}
