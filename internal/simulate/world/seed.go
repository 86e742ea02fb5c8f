package world

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"time"
)

// dice is the chance of one purpose. Every purpose has its own, drawn from the seed and a name, so that an act added in
// one place shifts nothing in another. It works in whole numbers only: floating point differs between processors.
type dice struct{ *rand.Rand }

// dice returns the chance of what the parts name: a purpose, then whom and when it concerns.
func (w *World) dice(parts ...string) dice {
	h := sha256.New()
	var n [8]byte
	write := func(s string) {
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	write("tripod/world/v1")
	binary.BigEndian.PutUint64(n[:], w.seed)
	h.Write(n[:])
	for _, p := range parts {
		write(p)
	}
	sum := h.Sum(nil)
	return dice{rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum), binary.BigEndian.Uint64(sum[8:])))}
}

// between is a number of [lo, hi], each as likely.
func (d dice) between(lo, hi int) int { return lo + d.IntN(hi-lo+1) }

// chance is true in n of 1,000 throws.
func (d dice) chance(n int) bool { return d.IntN(1000) < n }

// skew is a time of [lo, hi] that is mostly short and sometimes long, as latencies are. It is whole milliseconds.
func (d dice) skew(lo, hi time.Duration) time.Duration {
	a, b, c := d.Int64N(1<<16), d.Int64N(1<<16), d.Int64N(1<<16)
	return (lo + (hi-lo)*time.Duration(a*b>>16*c>>16)>>16).Truncate(time.Millisecond)
}

// span is a time of [lo, hi], each as likely, in whole milliseconds.
func (d dice) span(lo, hi time.Duration) time.Duration {
	return (lo + time.Duration(d.Int64N(int64(hi-lo)+1))).Truncate(time.Millisecond)
}

func pick[T any](d dice, from []T) T { return from[d.IntN(len(from))] }

const (
	base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	hexits = "0123456789abcdef"
)

func (d dice) letters(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[d.IntN(len(alphabet))]
	}
	return string(b)
}

// hex is n hexadecimal digits.
func (d dice) hex(n int) string { return d.letters(hexits, n) }

// uuid is a UUID, version 4.
func (d dice) uuid() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], d.Uint64())
	binary.BigEndian.PutUint64(b[8:], d.Uint64())
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// vendor is an id as the vendor forms them: a prefix that ends in its version, then 22 signs.
func (d dice) vendor(prefix string) string { return prefix + d.letters(base58, 22) }

// request is the id of an API request.
func (d dice) request() string { return "req_011" + d.letters(base58, 21) }
