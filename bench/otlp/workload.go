package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
)

const (
	clientVersion = "2.1.330"
	logScope      = "com.anthropic.claude_code.events"

	// clientBatch is the most records of one client process in one export.
	// Larger exports are what a forwarding collector makes of several
	// clients, so they carry one resource for each.
	clientBatch = 100

	// sessionsPerLane is how many client processes take turns on one
	// connection.
	sessionsPerLane = 4
)

// export is one encoded ExportLogsServiceRequest.
type export struct {
	body    []byte
	records int
}

// workload is what one run of a server is offered. The records of a client
// process stay on one lane and in order, as they do from a real client.
type workload struct {
	size    int        // records in each export
	lanes   [][]export // one for each connection
	records int
	bytes   int     // protobuf bytes of all bodies
	json    float64 // bytes a record takes as OTLP/JSON, from a sample
}

// newWorkload encodes exports of size records each, records in total (rounded
// up so that every lane gets equally many exports). Equal seeds give equal
// workloads but for their timestamps, which end at now.
func newWorkload(seed uint64, size, records, lanes int, now time.Time) (*workload, error) {
	w := &workload{size: size, lanes: make([][]export, lanes)}
	exports := max(1, (records+size*lanes-1)/(size*lanes))
	sampled := 0
	for i := range w.lanes {
		g := newLane(rand.New(rand.NewPCG(seed, uint64(size)<<32|uint64(i))), now)
		for range exports {
			logs := g.next(size)
			body, err := plogotlp.NewExportRequestFromLogs(logs).MarshalProto()
			if err != nil {
				return nil, fmt.Errorf("encode export: %w", err)
			}
			if sampled < 10*clientBatch {
				var m plog.JSONMarshaler
				text, err := m.MarshalLogs(logs)
				if err != nil {
					return nil, fmt.Errorf("encode export as JSON: %w", err)
				}
				sampled += size
				w.json += float64(len(text) + 1)
			}
			w.lanes[i] = append(w.lanes[i], export{body: body, records: size})
			w.records += size
			w.bytes += len(body)
		}
	}
	w.json /= float64(sampled)
	return w, nil
}

// lane invents the client processes that share one connection.
type lane struct {
	rng      *rand.Rand
	now      time.Time
	sessions []*session
	turn     int
}

func newLane(rng *rand.Rand, now time.Time) *lane {
	l := &lane{rng: rng, now: now}
	for range sessionsPerLane {
		l.sessions = append(l.sessions, newSession(rng, now))
	}
	return l
}

// next returns one export with exactly size records.
func (l *lane) next(size int) plog.Logs {
	logs := plog.NewLogs()
	for size > 0 {
		n := min(size, clientBatch)
		i := l.turn % len(l.sessions)
		l.turn++
		l.sessions[i].export(logs.ResourceLogs().AppendEmpty(), n)
		if l.sessions[i].over() {
			l.sessions[i] = newSession(l.rng, l.now)
		}
		size -= n
	}
	return logs
}

// ids of the forms that the client uses.

func (s *session) hex(digits int) string {
	b := make([]byte, (digits+1)/2)
	for i := range b {
		b[i] = byte(s.rng.Uint32())
	}
	return hex.EncodeToString(b)[:digits]
}

func uuid(rng *rand.Rand) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], rng.Uint64())
	binary.BigEndian.PutUint64(b[8:], rng.Uint64())
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func base58(rng *rand.Rand, n int) string {
	const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[rng.IntN(len(alphabet))]
	}
	return string(b)
}
