package wire

import (
	"math"

	"github.com/tripod-audit/tripod/internal/audit"
)

var metricProto = itemProto[Metric]{read: (*decoder).protoMetric}

// The field that carries each kind of data in a Metric.
var metricFields = [...]MetricKind{5: Gauge, 7: Sum, 9: Histogram, 10: ExpHistogram, 11: Summary}

func (d *decoder) protoMetric(s string, mt *Metric) {
	m := message{s: s}
	for m.next() && !d.over {
		switch m.field {
		case 1:
			mt.Name = d.string(&m)
		case 2:
			mt.Description = d.string(&m)
		case 3:
			mt.Unit = d.string(&m)
		case 5, 7, 9, 10, 11:
			kind := metricFields[m.field]
			if b, ok := d.len(&m); ok {
				mt.Kind = kind
				d.protoData(b, mt)
			}
		default:
			m.skip()
		}
	}
	d.done(&m)
	mt.Odd = d.takeOdd()
}

// protoData reads a Gauge, Sum, Histogram, ExponentialHistogram or Summary: their fields agree where they have them.
func (d *decoder) protoData(s string, mt *Metric) {
	n := count(s, 1)
	if !d.spend(n) {
		return
	}
	mt.Points = make([]Point, 0, n)
	m := message{s: s}
	for m.next() && !d.over {
		switch m.field {
		case 1:
			if b, ok := d.len(&m); ok {
				mt.Points = append(mt.Points, d.protoPoint(b, mt.Kind))
			}
		case 2:
			mt.Temporality = int32(d.uint(&m))
		case 3:
			mt.Monotonic = d.uint(&m) != 0
		default:
			m.skip()
		}
	}
	d.done(&m)
}

func (d *decoder) protoPoint(s string, kind MetricKind) Point {
	switch kind {
	case Histogram:
		return d.protoHistogram(s)
	case ExpHistogram:
		return d.protoExpHistogram(s)
	case Summary:
		return d.protoSummary(s)
	}
	return d.protoNumber(s)
}

func (d *decoder) protoNumber(s string) (p Point) {
	p.Attrs = d.attrs(count(s, 7))
	m := message{s: s}
	for m.next() && !d.over {
		switch m.field {
		case 2:
			p.Start = d.u64(&m)
		case 3:
			p.Time = d.u64(&m)
		case 4:
			p.Value = Value{Kind: audit.KindDouble, Num: d.u64(&m)}
		case 5:
			d.protoExemplar(&m, &p)
		case 6:
			p.Value = Value{Kind: audit.KindInt, Num: d.u64(&m)}
		case 7:
			d.protoPointAttr(&m, &p)
		case 8:
			p.Flags = uint32(d.uint(&m))
		default:
			m.skip()
		}
	}
	d.done(&m)
	return p
}

func (d *decoder) protoPointAttr(m *message, p *Point) {
	if b, ok := d.len(m); ok {
		p.Attrs = append(p.Attrs, d.protoAttr(b, 1))
	}
}

func (d *decoder) protoHistogram(s string) (p Point) {
	p.Attrs = d.attrs(count(s, 9))
	p.Dist = &Distribution{}
	m := message{s: s}
	for m.next() && !d.over {
		switch m.field {
		case 2:
			p.Start = d.u64(&m)
		case 3:
			p.Time = d.u64(&m)
		case 4:
			p.Dist.Count = d.u64(&m)
		case 5:
			p.Value = Value{Kind: audit.KindDouble, Num: d.u64(&m)}
		case 6:
			p.Dist.Buckets = d.packed(&m, p.Dist.Buckets, typeI64)
		case 7:
			for _, bits := range d.packed(&m, nil, typeI64) {
				p.Dist.Bounds = append(p.Dist.Bounds, math.Float64frombits(bits))
			}
		case 8:
			d.protoExemplar(&m, &p)
		case 9:
			d.protoPointAttr(&m, &p)
		case 10:
			p.Flags = uint32(d.uint(&m))
		case 11:
			p.Dist.Min = Value{Kind: audit.KindDouble, Num: d.u64(&m)}
		case 12:
			p.Dist.Max = Value{Kind: audit.KindDouble, Num: d.u64(&m)}
		default:
			m.skip()
		}
	}
	d.done(&m)
	return p
}

func (d *decoder) protoExpHistogram(s string) (p Point) {
	p.Attrs = d.attrs(count(s, 1))
	p.Dist = &Distribution{}
	m := message{s: s}
	for m.next() && !d.over {
		switch m.field {
		case 1:
			d.protoPointAttr(&m, &p)
		case 2:
			p.Start = d.u64(&m)
		case 3:
			p.Time = d.u64(&m)
		case 4:
			p.Dist.Count = d.u64(&m)
		case 5:
			p.Value = Value{Kind: audit.KindDouble, Num: d.u64(&m)}
		case 6:
			p.Dist.Scale = zigzag(d.uint(&m))
		case 7:
			p.Dist.ZeroCount = d.u64(&m)
		case 8:
			d.protoBuckets(&m, &p.Dist.Positive)
		case 9:
			d.protoBuckets(&m, &p.Dist.Negative)
		case 10:
			p.Flags = uint32(d.uint(&m))
		case 11:
			d.protoExemplar(&m, &p)
		case 12:
			p.Dist.Min = Value{Kind: audit.KindDouble, Num: d.u64(&m)}
		case 13:
			p.Dist.Max = Value{Kind: audit.KindDouble, Num: d.u64(&m)}
		case 14:
			p.Dist.ZeroThreshold = math.Float64frombits(d.u64(&m))
		default:
			m.skip()
		}
	}
	d.done(&m)
	return p
}

func zigzag(v uint64) int32 { return int32(uint32(v)>>1) ^ -int32(v&1) }

func (d *decoder) protoBuckets(m *message, into *Buckets) {
	b, ok := d.len(m)
	if !ok {
		return
	}
	in := message{s: b}
	for in.next() && !d.over {
		switch in.field {
		case 1:
			into.Offset = zigzag(d.uint(&in))
		case 2:
			into.Counts = d.packed(&in, into.Counts, typeVarint)
		default:
			in.skip()
		}
	}
	d.done(&in)
}

func (d *decoder) protoSummary(s string) (p Point) {
	p.Attrs = d.attrs(count(s, 7))
	p.Dist = &Distribution{}
	m := message{s: s}
	for m.next() && !d.over {
		switch m.field {
		case 2:
			p.Start = d.u64(&m)
		case 3:
			p.Time = d.u64(&m)
		case 4:
			p.Dist.Count = d.u64(&m)
		case 5:
			p.Value = Value{Kind: audit.KindDouble, Num: d.u64(&m)}
		case 6:
			if b, ok := d.len(&m); ok && d.spend(1) {
				p.Dist.Quantiles = append(p.Dist.Quantiles, d.protoQuantile(b))
			}
		case 7:
			d.protoPointAttr(&m, &p)
		case 8:
			p.Flags = uint32(d.uint(&m))
		default:
			m.skip()
		}
	}
	d.done(&m)
	return p
}

func (d *decoder) protoQuantile(s string) (q Quantile) {
	m := message{s: s}
	for m.next() {
		switch m.field {
		case 1:
			q.Quantile = math.Float64frombits(d.u64(&m))
		case 2:
			q.Value = math.Float64frombits(d.u64(&m))
		default:
			m.skip()
		}
	}
	d.done(&m)
	return q
}

func (d *decoder) protoExemplar(m *message, p *Point) {
	s, ok := d.len(m)
	if !ok || !d.spend(1) {
		return
	}
	var e Exemplar
	e.Attrs = d.attrs(count(s, 7))
	in := message{s: s}
	for in.next() && !d.over {
		switch in.field {
		case 2:
			e.Time = d.u64(&in)
		case 3:
			e.Value = Value{Kind: audit.KindDouble, Num: d.u64(&in)}
		case 4:
			e.Span = d.idField(&in)
		case 5:
			e.Trace = d.idField(&in)
		case 6:
			e.Value = Value{Kind: audit.KindInt, Num: d.u64(&in)}
		case 7:
			if b, ok := d.len(&in); ok {
				e.Attrs = append(e.Attrs, d.protoAttr(b, 1))
			}
		default:
			in.skip()
		}
	}
	d.done(&in)
	p.Exemplars = append(p.Exemplars, e)
}

// packed reads a repeated number, packed into one field or one at a time.
func (d *decoder) packed(m *message, into []uint64, typ uint8) []uint64 {
	read := func(m *message) uint64 {
		if typ == typeI64 {
			return m.fixed(8)
		}
		return m.varint()
	}
	if m.typ == typ {
		if d.spend(1) {
			into = append(into, read(m))
		}
		return into
	}
	b, ok := d.len(m)
	if !ok {
		return into
	}
	for in := (message{s: b}); in.i < len(in.s) && !in.bad && d.spend(1); {
		if v := read(&in); !in.bad {
			into = append(into, v)
		}
	}
	return into
}
