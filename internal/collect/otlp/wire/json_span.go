package wire

var spansJSON = itemJSON[Span]{
	groups: "resourceSpans", groups2: "resource_spans", scopes: "scopeSpans", scopes2: "scope_spans",
	items: "spans", items2: "spans", read: jsonSpan, records: true,
}

var kindNames = map[string]int32{
	"SPAN_KIND_UNSPECIFIED": 0, "SPAN_KIND_INTERNAL": 1, "SPAN_KIND_SERVER": 2, "SPAN_KIND_CLIENT": 3,
	"SPAN_KIND_PRODUCER": 4, "SPAN_KIND_CONSUMER": 5,
}

var statusNames = map[string]int32{"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}

func jsonSpan(j *scanner, sp *Span) {
	for w := j.object(); ; {
		name, ok := j.field(&w)
		if !ok {
			break
		}
		switch name {
		case "traceId", "trace_id":
			sp.Trace = j.id()
		case "spanId", "span_id":
			sp.Span = j.id()
		case "parentSpanId", "parent_span_id":
			sp.Parent = j.id()
		case "traceState", "trace_state":
			sp.State = j.text()
		case "flags":
			sp.Flags = j.u32()
		case "name":
			sp.Name = j.text()
		case "kind":
			sp.Kind = j.enum(kindNames)
		case "startTimeUnixNano", "start_time_unix_nano":
			sp.Start = j.u64()
		case "endTimeUnixNano", "end_time_unix_nano":
			sp.End = j.u64()
		case "attributes":
			j.attrs(&sp.Attrs)
		case "droppedAttributesCount", "dropped_attributes_count":
			sp.Dropped = j.u32()
		case "events":
			for l := j.list(); j.more(&l) && j.d.spend(1); {
				sp.Events = append(sp.Events, j.event())
			}
		case "droppedEventsCount", "dropped_events_count":
			sp.DroppedEvents = j.u32()
		case "links":
			for l := j.list(); j.more(&l) && j.d.spend(1); {
				sp.Links = append(sp.Links, j.link())
			}
		case "droppedLinksCount", "dropped_links_count":
			sp.DroppedLinks = j.u32()
		case "status":
			j.status(sp)
		default:
			j.skip()
		}
	}
	sp.Odd = j.d.takeOdd()
}

func (j *scanner) status(sp *Span) {
	for w := j.object(); ; {
		name, ok := j.field(&w)
		if !ok {
			return
		}
		switch name {
		case "code":
			sp.Status = j.enum(statusNames)
		case "message":
			sp.Message = j.text()
		default:
			j.skip()
		}
	}
}

func (j *scanner) event() (e Event) {
	for w := j.object(); ; {
		name, ok := j.field(&w)
		if !ok {
			return e
		}
		switch name {
		case "timeUnixNano", "time_unix_nano":
			e.Time = j.u64()
		case "name":
			e.Name = j.text()
		case "attributes":
			j.attrs(&e.Attrs)
		case "droppedAttributesCount", "dropped_attributes_count":
			e.Dropped = j.u32()
		default:
			j.skip()
		}
	}
}

func (j *scanner) link() (l Link) {
	for w := j.object(); ; {
		name, ok := j.field(&w)
		if !ok {
			return l
		}
		switch name {
		case "traceId", "trace_id":
			l.Trace = j.id()
		case "spanId", "span_id":
			l.Span = j.id()
		case "traceState", "trace_state":
			l.State = j.text()
		case "attributes":
			j.attrs(&l.Attrs)
		case "droppedAttributesCount", "dropped_attributes_count":
			l.Dropped = j.u32()
		case "flags":
			l.Flags = j.u32()
		default:
			j.skip()
		}
	}
}
