package normalise

import (
	"math"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
)

// Metrics makes one draft of every ResourceMetrics that has a point, with its points inside.
//
// What stands alike on every point because the client copies it there (who, which session, which installation, and the
// attributes of the resource) stands once, in the record's own attributes; what stands on some points, or differs, or
// tells points apart, stands on the points.
func (n *Normaliser) Metrics(groups []wire.Group[wire.Metric], o Origin) []Draft {
	m := n.begin(o, len(groups))
	defer n.end(m)
	for i := range groups {
		m.metrics(&groups[i])
	}
	return m.drafts
}

func (m *maker) metrics(g *wire.Group[wire.Metric]) {
	points, first := countPoints(g)
	if points == 0 {
		return
	}
	m.enter(audit.SourceOTelMetric, g.Resource, g.Dropped, g.SchemaURL, g.Odd)
	if len(g.Scopes) == 1 {
		sc := &g.Scopes[0]
		m.enterScope(sc.Name, sc.Version, sc.Attrs, sc.Dropped, sc.SchemaURL, sc.Odd)
	}
	m.start()
	r := m.rec
	common := commonAttrs(g, first)
	m.place(&m.own, first, "", func(a *wire.Attr, i *nameInfo) bool { return !m.onEveryPoint(common, a, i) })
	m.own.attrs = clip(m.own.attrs)
	r.Type, r.Activity, r.Outcome = "metrics", audit.ActivityUsage, audit.OutcomeSuccess
	r.Parts = make([]audit.Part, 0, points)
	var latest uint64
	for i := range g.Scopes {
		sc := &g.Scopes[i]
		if len(g.Scopes) > 1 {
			m.forms = appendFormScope(m.forms, sc.Name, sc.Version, sc.Attrs, sc.Dropped, sc.SchemaURL)
		}
		for k := range sc.Items {
			mt := &sc.Items[k]
			m.forms = appendFormMetric(m.forms, mt)
			m.odd |= mt.Odd | sc.Odd
			for x := range mt.Points {
				latest = max(latest, mt.Points[x].Time)
				m.point(mt, &mt.Points[x], common)
			}
		}
	}
	m.occurred(unixTime(latest))
	m.finish()
}

func countPoints(g *wire.Group[wire.Metric]) (n int, first []wire.Attr) {
	for i := range g.Scopes {
		for k := range g.Scopes[i].Items {
			points := g.Scopes[i].Items[k].Points
			if n == 0 && len(points) > 0 {
				first = points[0].Attrs
			}
			n += len(points)
		}
	}
	return n, first
}

// commonAttrs are the attributes of the first point that stand alike, and once, on every other.
func commonAttrs(g *wire.Group[wire.Metric], first []wire.Attr) map[string]*wire.Value {
	common := make(map[string]*wire.Value, len(first))
	for i := range first {
		if _, twice := common[first[i].Name]; twice {
			return nil
		}
		common[first[i].Name] = &first[i].Value
	}
	for i := range g.Scopes {
		for k := range g.Scopes[i].Items {
			for x := range g.Scopes[i].Items[k].Points {
				keepCommon(common, g.Scopes[i].Items[k].Points[x].Attrs)
			}
		}
	}
	return common
}

func keepCommon(common map[string]*wire.Value, attrs []wire.Attr) {
	if len(common) == 0 {
		return
	}
	same := make(map[string]bool, len(attrs))
	for i := range attrs {
		a := &attrs[i]
		_, twice := same[a.Name]
		v, ok := common[a.Name]
		same[a.Name] = ok && !twice && v.Equal(&a.Value)
	}
	for name := range common {
		if !same[name] {
			delete(common, name)
		}
	}
}

// onEveryPoint reports whether an attribute of a point stands in the record instead.
func (m *maker) onEveryPoint(common map[string]*wire.Value, a *wire.Attr, i *nameInfo) bool {
	if _, ok := common[a.Name]; !ok {
		return false
	}
	if i.role.onEveryPoint() {
		return true
	}
	for k := range m.resource {
		if m.resource[k].Name == a.Name {
			return true
		}
	}
	return false
}

// noRecordedValue is the flag of a point whose series has ended.
const noRecordedValue = 1

func (m *maker) point(mt *wire.Metric, p *wire.Point, common map[string]*wire.Value) {
	part := audit.Part{
		Kind: "point", Start: unixTime(p.Start), Time: unixTime(p.Time), Value: number(&p.Value),
		Unit: m.unit(mt.Unit), Form: pointForm(mt),
	}
	at := len(m.rec.Parts)
	m.part(part, mt.Name, p.Attrs, 0, func(a *wire.Attr, i *nameInfo) bool { return m.onEveryPoint(common, a, i) })
	if extra := distribution(p); len(extra) > 0 {
		m.rec.Parts[at].Attributes = append(m.rec.Parts[at].Attributes, extra...)
	}
	for i := range p.Exemplars {
		e := &p.Exemplars[i]
		x := audit.Part{Kind: "exemplar", Time: unixTime(e.Time), Value: number(&e.Value), Trace: m.keep(e.Trace), Span: m.keep(e.Span)}
		m.part(x, mt.Name, e.Attrs, 0, nil)
	}
}

// unit keeps a unit of measure, such as "USD", "By/s" or "{request}".
func (m *maker) unit(s string) string {
	if len(s) > 32 {
		return ""
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return ""
		}
	}
	return m.keep(s)
}

// pointForm names the kind of a metric's data as records show it.
func pointForm(mt *wire.Metric) string {
	form := ""
	switch mt.Kind {
	case wire.Gauge:
		return "gauge"
	case wire.Summary:
		return "summary"
	case wire.Sum:
		form = "sum"
		if !mt.Monotonic {
			form = "updown"
		}
	case wire.Histogram:
		form = "histogram"
	case wire.ExpHistogram:
		form = "exponential_histogram"
	}
	switch mt.Temporality {
	case 1:
		return form + "/delta"
	case 2:
		return form + "/cumulative"
	}
	return form
}

// number makes the value of a point.
func number(v *wire.Value) audit.Value {
	switch v.Kind {
	case audit.KindInt:
		return audit.Int(int64(v.Num))
	case audit.KindDouble:
		return audit.Double(math.Float64frombits(v.Num))
	}
	return audit.Value{}
}

// distribution makes the attributes that say what a histogram or summary holds beyond its sum, which is the value.
func distribution(p *wire.Point) audit.Attrs {
	var a audit.Attrs
	add := func(name string, v audit.Value) { a = append(a, audit.Attr{Name: name, Value: v}) }
	if p.Flags&noRecordedValue != 0 {
		add("otlp.no_recorded_value", audit.Bool(true))
	}
	d := p.Dist
	if d == nil {
		return a
	}
	add("otlp.count", audit.Int(int64(d.Count)))
	if d.Min.Kind != audit.KindEmpty {
		add("otlp.min", number(&d.Min))
	}
	if d.Max.Kind != audit.KindEmpty {
		add("otlp.max", number(&d.Max))
	}
	if len(d.Bounds) > 0 {
		add("otlp.bounds", doubles(d.Bounds))
	}
	if len(d.Buckets) > 0 {
		add("otlp.buckets", counts(d.Buckets))
	}
	if len(d.Positive.Counts)+len(d.Negative.Counts) > 0 || d.Scale != 0 || d.ZeroCount != 0 {
		add("otlp.scale", audit.Int(int64(d.Scale)))
		add("otlp.zero_count", audit.Int(int64(d.ZeroCount)))
		add("otlp.zero_threshold", audit.Double(d.ZeroThreshold))
		add("otlp.positive_offset", audit.Int(int64(d.Positive.Offset)))
		add("otlp.positive_buckets", counts(d.Positive.Counts))
		add("otlp.negative_offset", audit.Int(int64(d.Negative.Offset)))
		add("otlp.negative_buckets", counts(d.Negative.Counts))
	}
	for _, q := range d.Quantiles {
		add("otlp.quantile", audit.Array(audit.Double(q.Quantile), audit.Double(q.Value)))
	}
	return a
}

func doubles(list []float64) audit.Value {
	v := make([]audit.Value, len(list))
	for i := range list {
		v[i] = audit.Double(list[i])
	}
	return audit.Array(v...)
}

func counts(list []uint64) audit.Value {
	v := make([]audit.Value, len(list))
	for i := range list {
		v[i] = audit.Int(int64(list[i]))
	}
	return audit.Array(v...)
}
