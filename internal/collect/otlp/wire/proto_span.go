package wire

var spanProto = itemProto[Span]{records: true, read: (*decoder).protoSpan}

func (d *decoder) protoSpan(s string, sp *Span) {
	sp.Attrs = d.attrs(count(s, 9))
	events, links := count(s, 11), count(s, 13)
	if d.spend(events + links) {
		sp.Events, sp.Links = make([]Event, 0, events), make([]Link, 0, links)
	}
	m := message{s: s}
	for m.next() && !d.over {
		switch m.field {
		case 1:
			sp.Trace = d.idField(&m)
		case 2:
			sp.Span = d.idField(&m)
		case 3:
			sp.State = d.string(&m)
		case 4:
			sp.Parent = d.idField(&m)
		case 5:
			sp.Name = d.string(&m)
		case 6:
			sp.Kind = int32(d.uint(&m))
		case 7:
			sp.Start = d.u64(&m)
		case 8:
			sp.End = d.u64(&m)
		case 9:
			if b, ok := d.len(&m); ok {
				sp.Attrs = append(sp.Attrs, d.protoAttr(b, 1))
			}
		case 10:
			sp.Dropped = uint32(d.uint(&m))
		case 11:
			if b, ok := d.len(&m); ok {
				sp.Events = append(sp.Events, d.protoEvent(b))
			}
		case 12:
			sp.DroppedEvents = uint32(d.uint(&m))
		case 13:
			if b, ok := d.len(&m); ok {
				sp.Links = append(sp.Links, d.protoLink(b))
			}
		case 14:
			sp.DroppedLinks = uint32(d.uint(&m))
		case 15:
			if b, ok := d.len(&m); ok {
				d.protoStatus(b, sp)
			}
		case 16:
			sp.Flags = d.u32(&m)
		default:
			m.skip()
		}
	}
	d.done(&m)
	sp.Odd = d.takeOdd()
}

func (d *decoder) protoStatus(s string, sp *Span) {
	m := message{s: s}
	for m.next() {
		switch m.field {
		case 2:
			sp.Message = d.string(&m)
		case 3:
			sp.Status = int32(d.uint(&m))
		default:
			m.skip()
		}
	}
	d.done(&m)
}

func (d *decoder) protoEvent(s string) (e Event) {
	e.Attrs = d.attrs(count(s, 3))
	m := message{s: s}
	for m.next() && !d.over {
		switch m.field {
		case 1:
			e.Time = d.u64(&m)
		case 2:
			e.Name = d.string(&m)
		case 3:
			if b, ok := d.len(&m); ok {
				e.Attrs = append(e.Attrs, d.protoAttr(b, 1))
			}
		case 4:
			e.Dropped = uint32(d.uint(&m))
		default:
			m.skip()
		}
	}
	d.done(&m)
	return e
}

func (d *decoder) protoLink(s string) (l Link) {
	l.Attrs = d.attrs(count(s, 4))
	m := message{s: s}
	for m.next() && !d.over {
		switch m.field {
		case 1:
			l.Trace = d.idField(&m)
		case 2:
			l.Span = d.idField(&m)
		case 3:
			l.State = d.string(&m)
		case 4:
			if b, ok := d.len(&m); ok {
				l.Attrs = append(l.Attrs, d.protoAttr(b, 1))
			}
		case 5:
			l.Dropped = uint32(d.uint(&m))
		case 6:
			l.Flags = d.u32(&m)
		default:
			m.skip()
		}
	}
	d.done(&m)
	return l
}
