package wire

// itemJSON holds the names of the three layers that every signal shares, in both spellings of protobuf JSON, and how an item is read.
type itemJSON[T any] struct {
	groups, groups2 string // "resourceLogs", "resource_logs"
	scopes, scopes2 string
	items, items2   string
	read            func(j *scanner, into *T)
	records         bool // an item is a record
}

// decodeJSON reads an export request of any signal.
func decodeJSON[T any](d *decoder, body string, item itemJSON[T]) ([]Group[T], error) {
	j := &scanner{s: body, d: d}
	if j.peek() != '{' {
		return nil, notOTLP("want a JSON object", j.i)
	}
	var groups []Group[T]
	for w := j.object(); ; {
		name, ok := j.field(&w)
		if !ok {
			break
		}
		if name != item.groups && name != item.groups2 {
			j.skip()
			continue
		}
		if c := j.peek(); c != '[' && c != '{' && c != 'n' {
			return nil, notOTLP(item.groups+" is no list", j.i)
		}
		for l := j.list(); j.more(&l) && d.spend(1); {
			if !item.records && !d.spendRecords(1) {
				break
			}
			groups = append(groups, jsonGroup(j, item))
		}
	}
	if d.over {
		return nil, ErrTooMany
	}
	if j.err == nil && j.peek() != 0 || j.err == nil && j.i < len(j.s) {
		j.fail("something after the end")
	}
	if j.err != nil {
		return nil, j.err
	}
	return groups, nil
}

func jsonGroup[T any](j *scanner, item itemJSON[T]) (g Group[T]) {
	for w := j.object(); ; {
		name, ok := j.field(&w)
		if !ok {
			return g
		}
		switch name {
		case "resource":
			j.resource(&g.Resource, &g.Dropped)
		case item.scopes, item.scopes2:
			g.Odd |= j.d.takeOdd()
			for l := j.list(); j.more(&l) && j.d.spend(1); {
				g.Scopes = append(g.Scopes, jsonScope(j, item))
			}
		case "schemaUrl", "schema_url":
			g.SchemaURL = j.text()
		default:
			j.skip()
		}
		g.Odd |= j.d.takeOdd()
	}
}

func (j *scanner) resource(attrs *[]Attr, dropped *uint32) {
	for w := j.object(); ; {
		name, ok := j.field(&w)
		if !ok {
			return
		}
		switch name {
		case "attributes":
			j.attrs(attrs)
		case "droppedAttributesCount", "dropped_attributes_count":
			*dropped = j.u32()
		default:
			j.skip()
		}
	}
}

func jsonScope[T any](j *scanner, item itemJSON[T]) (sc Scope[T]) {
	for w := j.object(); ; {
		name, ok := j.field(&w)
		if !ok {
			return sc
		}
		switch name {
		case "scope":
			j.scope(&sc.Name, &sc.Version, &sc.Attrs, &sc.Dropped)
		case item.items, item.items2:
			sc.Odd |= j.d.takeOdd()
			for l := j.list(); j.more(&l) && j.spendItem(item.records); {
				var it T
				item.read(j, &it)
				sc.Items = append(sc.Items, it)
			}
		case "schemaUrl", "schema_url":
			sc.SchemaURL = j.text()
		default:
			j.skip()
		}
		sc.Odd |= j.d.takeOdd()
	}
}

func (j *scanner) spendItem(record bool) bool {
	if record {
		return j.d.spendRecords(1)
	}
	return j.d.spend(1)
}

func (j *scanner) scope(name, version *string, attrs *[]Attr, dropped *uint32) {
	for w := j.object(); ; {
		field, ok := j.field(&w)
		if !ok {
			return
		}
		switch field {
		case "name":
			*name = j.text()
		case "version":
			*version = j.text()
		case "attributes":
			j.attrs(attrs)
		case "droppedAttributesCount", "dropped_attributes_count":
			*dropped = j.u32()
		default:
			j.skip()
		}
	}
}
