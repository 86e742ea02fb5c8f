package wire

var logsJSON = itemJSON[Log]{
	groups: "resourceLogs", groups2: "resource_logs", scopes: "scopeLogs", scopes2: "scope_logs",
	items: "logRecords", items2: "log_records", read: jsonLog, records: true,
}

var severityNames = func() map[string]int32 {
	m := map[string]int32{}
	for i, level := range []string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"} {
		for k, suffix := range []string{"", "2", "3", "4"} {
			m["SEVERITY_NUMBER_"+level+suffix] = int32(4*i + k + 1)
		}
	}
	return m
}()

func jsonLog(j *scanner, l *Log) {
	if c := j.peek(); c != '{' && c != 'n' { // no log record at all: keep it as the body of one
		j.d.odd |= OddValue
		l.Body = j.plain(1)
		l.Odd = j.d.takeOdd()
		return
	}
	for w := j.object(); ; {
		name, ok := j.field(&w)
		if !ok {
			break
		}
		switch name {
		case "timeUnixNano", "time_unix_nano":
			l.Time = j.u64()
		case "observedTimeUnixNano", "observed_time_unix_nano":
			l.Observed = j.u64()
		case "severityNumber", "severity_number":
			l.Severity = j.enum(severityNames)
		case "severityText", "severity_text":
			l.SeverityText = j.text()
		case "body":
			l.Body = j.value(1)
		case "attributes":
			j.attrs(&l.Attrs)
		case "droppedAttributesCount", "dropped_attributes_count":
			l.Dropped = j.u32()
		case "flags":
			l.Flags = j.u32()
		case "traceId", "trace_id":
			l.Trace = j.id()
		case "spanId", "span_id":
			l.Span = j.id()
		case "eventName", "event_name":
			l.EventName = j.text()
		default:
			j.skip()
		}
	}
	l.Odd = j.d.takeOdd()
}
