package complianceapi

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// chance is all that is arbitrary: a pure function of the seed and of what is named.
type chance uint64

func (c chance) sum(parts ...string) [32]byte {
	b := make([]byte, 0, 96)
	b = append(b, "tripod/compliance/v1"...)
	b = binary.BigEndian.AppendUint64(b, uint64(c))
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return sha256.Sum256(b)
}

func (c chance) number(parts ...string) uint64 {
	s := c.sum(parts...)
	return binary.BigEndian.Uint64(s[:])
}

// n is a number of [0, n).
func (c chance) n(n int, parts ...string) int { return int(c.number(parts...) % uint64(n)) }

// part is a number of [0, 1).
func (c chance) part(parts ...string) float64 { return float64(c.number(parts...)>>11) / (1 << 53) }

// id is an id as the vendor forms them: a prefix that ends in its version, then 22 signs.
func (c chance) id(prefix string, parts ...string) string {
	s := c.sum(append([]string{prefix}, parts...)...)
	b := base58(append(make([]byte, 0, len(prefix)+22), prefix...), binary.BigEndian.Uint64(s[:]))
	return string(base58(b, binary.BigEndian.Uint64(s[8:])))
}

func (c chance) uuid(parts ...string) string {
	b := c.sum(parts...)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := hex.EncodeToString(b[:16])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

const signs = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// base58 appends a number as eleven signs.
func base58(b []byte, n uint64) []byte {
	var s [11]byte
	for i := len(s) - 1; i >= 0; i-- {
		s[i], n = signs[n%58], n/58
	}
	return append(b, s[:]...)
}

func unbase58(s string) (n uint64, ok bool) {
	for i := range len(s) {
		at := indexSign(s[i])
		if at < 0 {
			return 0, false
		}
		n = n*58 + uint64(at)
	}
	return n, true
}

func indexSign(c byte) int {
	for i := range len(signs) {
		if signs[i] == c {
			return i
		}
	}
	return -1
}

const activityPrefix = "activity_01"

// activity is the id of a row. It hides the row's time, so that a bare id can serve as a cursor without an index of all ids;
// to clients it is as opaque as any.
func (c chance) activity(at time.Time, mark uint64) string {
	b := base58(append(make([]byte, 0, len(activityPrefix)+22), activityPrefix...), mark)
	return string(base58(b, uint64(at.UnixNano())^c.veil(mark)))
}

// activityTime is the time hidden in an id.
func (c chance) activityTime(id string) (nanos int64, ok bool) {
	if len(id) != len(activityPrefix)+22 || id[:len(activityPrefix)] != activityPrefix {
		return 0, false
	}
	mark, ok := unbase58(id[len(activityPrefix) : len(activityPrefix)+11])
	veiled, ok2 := unbase58(id[len(activityPrefix)+11:])
	return int64(veiled ^ c.veil(mark)), ok && ok2
}

// veil mixes as splitmix64 does: cheap, since a row of load has one too.
func (c chance) veil(mark uint64) uint64 { return mix(mark ^ mix(uint64(c))) }

func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
