package normalise

import (
	"strings"

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
	for i := range g.Scopes { // the last one names the scope, where a resource has several
		sc := &g.Scopes[i]
		m.enterScope(sc.Name, sc.Version, sc.Attrs, sc.Dropped, sc.SchemaURL, sc.Odd)
		m.formHead = appendNumbers(m.formHead, uint64(len(sc.Items)))
	}
	m.entered()
	common := commonAttrs(g, first)
	skip := func(a *wire.Attr, i *nameInfo) bool { return !m.onEveryPoint(common, a, i) }
	begin := func() {
		m.start()
		m.place(&m.own, first, "", skip)
		m.own.attrs = clip(m.own.attrs)
		m.rec.Type, m.rec.Activity, m.rec.Outcome = "metrics", audit.ActivityUsage, audit.OutcomeSuccess
		m.rec.Parts = make([]audit.Part, 0, min(points, mostParts))
	}
	begin()
	for i := range g.Scopes {
		for k := range g.Scopes[i].Items {
			for mt := g.Scopes[i].Items[k]; len(mt.Points) > 0; {
				room := mostParts - len(m.rec.Parts)
				if room <= 0 {
					m.finishMetrics()
					begin()
					continue
				}
				some := mt
				some.Points = mt.Points[:min(len(mt.Points), room)]
				mt.Points = mt.Points[len(some.Points):]
				m.metric(&some, common)
			}
		}
	}
	m.finishMetrics()
}

// metric puts points of one metric into the record.
func (m *maker) metric(mt *wire.Metric, common map[string]*wire.Value) {
	m.forms = appendFormMetric(m.forms, mt)
	m.odd |= mt.Odd
	for i := range mt.Points {
		m.latest = max(m.latest, mt.Points[i].Time)
		m.point(mt, &mt.Points[i], common)
	}
}

// finishMetrics ends a record of metrics: it happened when its last point was taken.
func (m *maker) finishMetrics() {
	m.occurred(unixTime(m.latest))
	m.latest = 0
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
		Form: pointForm(mt),
	}
	at := len(m.rec.Parts)
	if plainUnit(mt.Unit) {
		part.Unit = m.keep(mt.Unit)
	} else {
		m.textPiece(&m.own, partPrefix(at)+"unit", audit.ClassDetail, mt.Unit)
	}
	if mt.Description != "" && !strings.HasPrefix(mt.Name, claudeCodePrefix) { // the client's own are in its documentation
		m.textPiece(&m.own, partPrefix(at)+"description", audit.ClassDetail, mt.Description)
	}
	m.part(part, mt.Name, p.Attrs, 0, func(a *wire.Attr, i *nameInfo) bool { return m.onEveryPoint(common, a, i) })
	if extra := m.distribution(at, p); len(extra) > 0 {
		m.rec.Parts[at].Attributes = append(m.rec.Parts[at].Attributes, extra...)
	}
	m.exemplars(mt.Name, p.Exemplars)
}

// exemplars puts single measurements into the record; those that are too many stand beside it, as one piece.
func (m *maker) exemplars(metric string, list []wire.Exemplar) {
	var rest []wire.Attr
	for i := range list {
		e := &list[i]
		if len(m.rec.Parts) >= 2*mostParts {
			rest = append(rest, wire.Attr{Name: metric, Value: wire.NewMap(append([]wire.Attr{{Name: "value", Value: e.Value}}, e.Attrs...))})
			continue
		}
		x := audit.Part{Kind: "exemplar", Time: unixTime(e.Time), Value: number(&e.Value), Trace: m.keep(e.Trace), Span: m.keep(e.Span)}
		m.part(x, metric, e.Attrs, 0, nil)
	}
	if len(rest) > 0 {
		all := wire.NewMap(rest)
		m.piece(&m.own, "", "exemplars", &all, audit.Text)
		m.own.flag(audit.FlagTruncated)
	}
}

// plainUnit reports whether a unit of measure is one, such as "USD", "By/s" or "{request}".
func plainUnit(s string) bool {
	if len(s) > 32 {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
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
		return double(v)
	}
	return audit.Value{}
}

// distribution is what a point says beyond its value, unless that is too much: then it stands beside the record, as one
// piece.
func (m *maker) distribution(at int, p *wire.Point) audit.Attrs {
	extra, weight := distribution(p), 0
	for _, a := range extra {
		weight += weigh(a.Name, a.Value)
	}
	if weight == 0 || weight <= m.left {
		m.left -= weight
		return extra
	}
	piece := Piece{Name: partPrefix(at) + "distribution", Class: audit.ClassText, Kind: audit.KindMap}
	m.fill(&m.own, &piece, string(appendJSONNumbers(nil, extra)))
	m.keepPiece(&m.own, piece)
	m.own.flag(audit.FlagTruncated)
	return nil
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
	if len(d.Quantiles) > 0 {
		list := make([]audit.Value, len(d.Quantiles))
		for i, q := range d.Quantiles {
			list[i] = audit.Array(audit.Double(q.Quantile), audit.Double(q.Value))
		}
		add("otlp.quantiles", audit.Array(list...))
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
