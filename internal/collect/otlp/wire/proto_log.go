package wire

var logProto = itemProto[Log]{records: true, read: (*decoder).protoLog}

func (d *decoder) protoLog(s string, l *Log) {
	l.Attrs = d.attrs(count(s, 6))
	m := message{s: s}
	for m.next() && !d.over {
		switch m.field {
		case 1:
			l.Time = d.u64(&m)
		case 2:
			l.Severity = int32(d.uint(&m))
		case 3:
			l.SeverityText = d.string(&m)
		case 5:
			if b, ok := d.len(&m); ok {
				l.Body = d.protoValue(b, 1)
			}
		case 6:
			if b, ok := d.len(&m); ok {
				l.Attrs = append(l.Attrs, d.protoAttr(b, 1))
			}
		case 7:
			l.Dropped = uint32(d.uint(&m))
		case 8:
			l.Flags = d.u32(&m)
		case 9:
			l.Trace = d.idField(&m)
		case 10:
			l.Span = d.idField(&m)
		case 11:
			l.Observed = d.u64(&m)
		case 12:
			l.EventName = d.string(&m)
		default:
			m.skip()
		}
	}
	d.done(&m)
	l.Odd = d.takeOdd()
}
