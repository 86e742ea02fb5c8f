// Package normalise turns what an OTLP export says into drafts of audit records: one for every log record and span, one
// for every exported ResourceMetrics with its points inside.
//
// It promises: nothing an export says is lost; only what the protocol alone needs (flags, schema URLs) stands in the form
// and nowhere else. Attributes stay in the record under the source's own names, kinds and order where the allow list of
// package audit lets them; every other text becomes a piece of content beside it. An event or service nobody knows is
// kept, unclassified. Records are bounded: what is too much for one stands beside it, or in a further record. Drafts come
// in the order of the export. The same data gives the same form, in whatever encoding and batch it came. It holds nothing
// durable. A Normaliser is safe for concurrent use; the drafts share memory with each other, not with the export.
//
// Sources: https://code.claude.com/docs/en/monitoring-usage, https://claude.com/docs/cowork/monitoring,
// https://claude.com/docs/third-party/claude-desktop/telemetry, https://platform.claude.com/docs/en/api/opentelemetry/spans.
package normalise

import (
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
)

// Version names this normaliser in the records it makes. It changes whenever the same export would give other records.
const Version = "otlp/1"

// Origin is where an export came from; all of its records share it.
type Origin struct {
	Credential string         // name of the credential that delivered, "" for none
	Proved     audit.Identity // what that credential proves
	Surface    audit.Surface  // the product, where the credential stands for one; "" takes the export's word
	IP         string         // address of the peer
	Received   time.Time      // by our clock
}

// Draft is a record before it enters the journal.
type Draft struct {
	Record *audit.Record
	Pieces []Piece
	Form   []byte // the source form, serialised the same way for the same data
}

// Piece is one piece of content that a draft's record refers to. Its fields are those of intake.Piece.
type Piece struct {
	Name      string
	Class     audit.Class
	Kind      audit.Kind
	Value     []byte
	Bytes     int
	Withheld  string
	Truncated bool
}

// Placeholder is what Claude Code and Cowork send in place of a text they are configured to hide.
const Placeholder = "<REDACTED>"

const (
	defaultMaxValue = 1 << 20
	mostAttrs       = 512  // in one list of a record; further ones stand beside it, together
	mostParts       = 1000 // in one record

	// What all lists of a record take together, in canonical bytes as estimated by weigh; what exceeds it stands beside
	// the record as what is too much for one list does. Records of the real clients have 1 to 4 KiB, and whoever shows a
	// page of records decodes them all.
	mostOwn    = 768 << 10
	mostShared = 256 << 10 // of resource and scopes
)

// PointsPerRecord is how many points one record of metrics holds.
const PointsPerRecord = mostParts

// Normaliser makes drafts.
type Normaliser struct {
	maxValue int
	pool     sync.Pool // of *names
}

// New makes a normaliser that cuts values longer than maxValue bytes (0: 1 MiB).
func New(maxValue int) *Normaliser {
	if maxValue <= 0 {
		maxValue = defaultMaxValue
	}
	return &Normaliser{maxValue: maxValue, pool: sync.Pool{New: func() any { return newNames() }}}
}

// Logs makes one draft of every log record.
func (n *Normaliser) Logs(groups []wire.Group[wire.Log], o Origin) []Draft {
	return each(n, groups, o, audit.SourceOTelLog, (*maker).log)
}

// Spans makes one draft of every span.
func (n *Normaliser) Spans(groups []wire.Group[wire.Span], o Origin) []Draft {
	return each(n, groups, o, audit.SourceOTelSpan, (*maker).span)
}

// each makes one draft of every item.
func each[T any](n *Normaliser, groups []wire.Group[T], o Origin, source audit.Source, make1 func(*maker, *T)) []Draft {
	total := 0
	for i := range groups {
		for k := range groups[i].Scopes {
			total += len(groups[i].Scopes[k].Items)
		}
	}
	m := n.begin(o, total)
	defer n.end(m)
	for i := range groups {
		g := &groups[i]
		for k := range g.Scopes {
			sc := &g.Scopes[k]
			if len(sc.Items) == 0 {
				continue
			}
			m.enter(source, g.Resource, g.Dropped, g.SchemaURL, g.Odd)
			m.enterScope(sc.Name, sc.Version, sc.Attrs, sc.Dropped, sc.SchemaURL, sc.Odd)
			m.entered()
			for x := range sc.Items {
				m.start()
				make1(m, &sc.Items[x])
				m.finish()
			}
		}
	}
	return m.drafts
}

func (n *Normaliser) begin(o Origin, drafts int) *maker {
	m := &maker{
		Origin: o, maxValue: n.maxValue, names: n.pool.Get().(*names),
		drafts: make([]Draft, 0, drafts), records: make([]audit.Record, drafts),
	}
	m.chunk = min(max(drafts, 1)<<10, 32<<10)
	m.Received = o.Received.UTC()
	return m
}

func (n *Normaliser) end(m *maker) {
	m.names.trim()
	n.pool.Put(m.names)
}
