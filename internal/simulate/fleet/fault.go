package fleet

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Faults are what goes wrong on the way, beyond what the world says went wrong. Each is the share of exports it befalls, from 0
// to 1. What befalls an export depends on the seed, its process, its signal and its number alone.
type Faults struct {
	Seed       uint64
	Duplicates float64 // it is sent twice
	Reorder    float64 // it is sent after the one that follows it, of its signal where there is one
	Loss       float64 // it never arrives
	Odd        float64 // its records have an odd form, such as attributes without a value or without an account
}

func (f Faults) validate() error {
	for _, r := range []struct {
		name string
		rate float64
	}{{"duplicates", f.Duplicates}, {"reorder", f.Reorder}, {"loss", f.Loss}, {"odd", f.Odd}} {
		if !(r.rate >= 0 && r.rate <= 1) {
			return fmt.Errorf("%s is %v: a share from 0 to 1 is wanted", r.name, r.rate)
		}
	}
	return nil
}

// fate is what befalls an export.
type fate struct {
	lost, twice, late bool
	odd               *oddity
}

func (f Faults) fate(e *export) fate {
	if f.Duplicates == 0 && f.Reorder == 0 && f.Loss == 0 && f.Odd == 0 {
		return fate{}
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s\x00%s\x00%d", f.Seed, e.from.p.ID, e.signal, e.number))
	share := func(n int) float64 { return float64(binary.BigEndian.Uint64(sum[8*n:])>>11) / (1 << 53) }
	if share(0) < f.Loss {
		return fate{lost: true}
	}
	x := fate{twice: share(1) < f.Duplicates, late: share(2) < f.Reorder}
	if n := share(3); n < f.Odd {
		all := oddities()
		x.odd = &all[min(int(n/f.Odd*float64(len(all))), len(all)-1)]
	}
	return x
}
