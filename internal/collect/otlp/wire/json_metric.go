package wire

var metricsJSON = itemJSON[Metric]{
	groups: "resourceMetrics", groups2: "resource_metrics", scopes: "scopeMetrics", scopes2: "scope_metrics",
	items: "metrics", items2: "metrics", read: jsonMetric,
}

var temporalityNames = map[string]int32{
	"AGGREGATION_TEMPORALITY_UNSPECIFIED": 0, "AGGREGATION_TEMPORALITY_DELTA": 1, "AGGREGATION_TEMPORALITY_CUMULATIVE": 2,
}

func jsonMetric(j *scanner, mt *Metric) {
	for w := j.object(); ; {
		name, ok := j.field(&w)
		if !ok {
			break
		}
		switch name {
		case "name":
			mt.Name = j.text()
		case "description":
			mt.Description = j.text()
		case "unit":
			mt.Unit = j.text()
		case "gauge":
			j.data(mt, Gauge)
		case "sum":
			j.data(mt, Sum)
		case "histogram":
			j.data(mt, Histogram)
		case "exponentialHistogram", "exponential_histogram":
			j.data(mt, ExpHistogram)
		case "summary":
			j.data(mt, Summary)
		default:
			j.skip()
		}
	}
	mt.Odd = j.d.takeOdd()
}

func (j *scanner) data(mt *Metric, kind MetricKind) {
	if j.peek() == 'n' {
		j.word("null")
		return
	}
	mt.Kind = kind
	for w := j.object(); ; {
		name, ok := j.field(&w)
		if !ok {
			return
		}
		switch name {
		case "dataPoints", "data_points":
			for l := j.list(); j.more(&l) && j.d.spend(1); {
				mt.Points = append(mt.Points, j.point(kind))
			}
		case "aggregationTemporality", "aggregation_temporality":
			mt.Temporality = j.enum(temporalityNames)
		case "isMonotonic", "is_monotonic":
			mt.Monotonic = j.bool()
		default:
			j.skip()
		}
	}
}

// point reads a data point of any kind: no two kinds use one name for different things.
func (j *scanner) point(kind MetricKind) (p Point) {
	if kind >= Histogram {
		p.Dist = &Distribution{}
	}
	for w := j.object(); ; {
		name, ok := j.field(&w)
		if !ok {
			return p
		}
		switch name {
		case "attributes":
			j.attrs(&p.Attrs)
		case "startTimeUnixNano", "start_time_unix_nano":
			p.Start = j.u64()
		case "timeUnixNano", "time_unix_nano":
			p.Time = j.u64()
		case "asDouble", "as_double", "sum":
			p.Value = j.numeric(1, readDouble)
		case "asInt", "as_int":
			p.Value = j.numeric(1, readInt)
		case "flags":
			p.Flags = j.u32()
		case "exemplars":
			for l := j.list(); j.more(&l) && j.d.spend(1); {
				p.Exemplars = append(p.Exemplars, j.exemplar())
			}
		default:
			if p.Dist == nil || !j.distribution(p.Dist, name) {
				j.skip()
			}
		}
	}
}

// distribution reads a field of histograms and summaries; false where it is none of theirs.
func (j *scanner) distribution(d *Distribution, name string) bool {
	switch name {
	case "count":
		d.Count = j.u64()
	case "min":
		d.Min = j.numeric(1, readDouble)
	case "max":
		d.Max = j.numeric(1, readDouble)
	case "bucketCounts", "bucket_counts":
		d.Buckets = j.u64s()
	case "explicitBounds", "explicit_bounds":
		for l := j.list(); j.more(&l) && j.d.spend(1); {
			d.Bounds = append(d.Bounds, j.f64())
		}
	case "scale":
		d.Scale = j.i32()
	case "zeroCount", "zero_count":
		d.ZeroCount = j.u64()
	case "zeroThreshold", "zero_threshold":
		d.ZeroThreshold = j.f64()
	case "positive":
		j.buckets(&d.Positive)
	case "negative":
		j.buckets(&d.Negative)
	case "quantileValues", "quantile_values":
		for l := j.list(); j.more(&l) && j.d.spend(1); {
			d.Quantiles = append(d.Quantiles, j.quantile())
		}
	default:
		return false
	}
	return true
}

func (j *scanner) u64s() (list []uint64) {
	for l := j.list(); j.more(&l) && j.d.spend(1); {
		list = append(list, j.u64())
	}
	return list
}

func (j *scanner) buckets(b *Buckets) {
	for w := j.object(); ; {
		name, ok := j.field(&w)
		if !ok {
			return
		}
		switch name {
		case "offset":
			b.Offset = j.i32()
		case "bucketCounts", "bucket_counts":
			b.Counts = j.u64s()
		default:
			j.skip()
		}
	}
}

func (j *scanner) quantile() (q Quantile) {
	for w := j.object(); ; {
		name, ok := j.field(&w)
		if !ok {
			return q
		}
		switch name {
		case "quantile":
			q.Quantile = j.f64()
		case "value":
			q.Value = j.f64()
		default:
			j.skip()
		}
	}
}

func (j *scanner) exemplar() (e Exemplar) {
	for w := j.object(); ; {
		name, ok := j.field(&w)
		if !ok {
			return e
		}
		switch name {
		case "filteredAttributes", "filtered_attributes":
			j.attrs(&e.Attrs)
		case "timeUnixNano", "time_unix_nano":
			e.Time = j.u64()
		case "asDouble", "as_double":
			e.Value = j.numeric(1, readDouble)
		case "asInt", "as_int":
			e.Value = j.numeric(1, readInt)
		case "traceId", "trace_id":
			e.Trace = j.id()
		case "spanId", "span_id":
			e.Span = j.id()
		default:
			j.skip()
		}
	}
}
