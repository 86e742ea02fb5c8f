package siem

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Fault is something that befalls a request.
type Fault string

// The faults. Those of single items befall some of a request's items, each by itself.
const (
	None         Fault = "none"
	Busy         Fault = "busy"         // 429 with Retry-After; nothing is stored
	Unavailable  Fault = "unavailable"  // 503; nothing is stored
	TooLarge     Fault = "too-large"    // 413, unless it is one item alone; nothing is stored
	Unauthorized Fault = "unauthorized" // 401; nothing is stored
	Reset        Fault = "reset"        // the connection is reset; nothing is stored
	Lost         Fault = "lost"         // all is stored, and the connection is reset before the answer
	Half         Fault = "half"         // all is stored, and half the answer arrives
	Slow         Fault = "slow"         // all is stored, the answer takes a while and its connection closes behind it
	Drop         Fault = "drop"         // success, and nothing is stored: with Splunk's acknowledgement, none ever comes
	ItemBusy     Fault = "item-busy"    // Elastic: 429 of single items
	ItemRefused  Fault = "item-refused" // Elastic: 400 of single items
)

// AllFaults lists what can be asked for.
func AllFaults() []Fault {
	return []Fault{Busy, Unavailable, TooLarge, Unauthorized, Reset, Lost, Half, Slow, Drop, ItemBusy, ItemRefused}
}

// Faults are the shares of requests, 0 to 1, that each fault befalls. It is a flag: lost=0.1,busy=0.05.
type Faults map[Fault]float64

// UnmarshalText reads name=share, separated by commas.
func (f *Faults) UnmarshalText(text []byte) error {
	all, sum := Faults{}, 0.0
	for part := range strings.SplitSeq(string(text), ",") {
		name, share, found := strings.Cut(strings.TrimSpace(part), "=")
		rate, err := strconv.ParseFloat(share, 64)
		if !found || err != nil || !(rate >= 0 && rate <= 1) {
			return fmt.Errorf("%q is not a fault and its share, such as lost=0.1", part)
		}
		if !slices.Contains(AllFaults(), Fault(name)) {
			return fmt.Errorf("%q is none of the faults %v", name, AllFaults())
		}
		all[Fault(name)] = rate
		sum += rate
	}
	if sum > 1 {
		return errors.New("the shares add up to more than 1")
	}
	*f = all
	return nil
}

// chance decides what befalls whom.
type chance struct {
	seed  uint64
	rates Faults

	mu      sync.Mutex
	number  map[Vendor]uint64
	ordered map[Vendor][]Fault
}

func newChance(seed uint64, rates Faults) *chance {
	return &chance{seed: seed, rates: maps.Clone(rates), number: map[Vendor]uint64{}, ordered: map[Vendor][]Fault{}}
}

func (c *chance) next(v Vendor, faults []Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ordered[v] = append(c.ordered[v], faults...)
}

// draw is what befalls the next request to a vendor, with a source for what befalls its items.
func (c *chance) draw(v Vendor) (Fault, *rand.Rand) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.number[v]++
	dice := rand.New(rand.NewPCG(c.seed, c.number[v]))
	if list := c.ordered[v]; len(list) > 0 {
		c.ordered[v] = list[1:]
		return list[0], dice
	}
	at := dice.Float64()
	for _, f := range AllFaults() {
		if at -= c.rates[f]; at < 0 {
			return f, dice
		}
	}
	return None, dice
}
