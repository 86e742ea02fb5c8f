package wire

// attrCost is what one attribute costs beyond its text where a record refers to it: its place in lists and references.
const attrCost = 128

// Shared estimates, in bytes, what the records of an export take for what they share: every record says again what its
// resource and scope say. A body says it once, so this, unlike everything else, is no small multiple of the body.
func Shared[T Log | Span](groups []Group[T]) (total int64) {
	for i := range groups {
		g := &groups[i]
		resource := attrsCost(g.Resource)
		for k := range g.Scopes {
			sc := &g.Scopes[k]
			total += int64(len(sc.Items)) * (resource + scopeCost(sc))
		}
	}
	return total
}

// SharedMetrics is Shared for metrics, whose points share the name, description and unit of their metric, too. A record
// holds perRecord points.
func SharedMetrics(groups []Group[Metric], perRecord int) (total int64) {
	for i := range groups {
		g := &groups[i]
		cost, points := attrsCost(g.Resource), 0
		for k := range g.Scopes {
			sc := &g.Scopes[k]
			cost += scopeCost(sc)
			for x := range sc.Items {
				m := &sc.Items[x]
				each := len(m.Points)
				points += each
				for p := range m.Points {
					each += len(m.Points[p].Exemplars)
				}
				total += int64(each) * int64(len(m.Name)+len(m.Description)+len(m.Unit))
			}
		}
		if points > 0 {
			total += int64(1+points/perRecord) * cost
		}
	}
	return total
}

func scopeCost[T any](sc *Scope[T]) int64 {
	return int64(len(sc.Name)+len(sc.Version)) + attrsCost(sc.Attrs)
}

func attrsCost(attrs []Attr) (n int64) {
	for i := range attrs {
		n += attrCost + int64(len(attrs[i].Name)) + valueCost(&attrs[i].Value)
	}
	return n
}

func valueCost(v *Value) int64 {
	n := int64(len(v.Str))
	for i := range v.Items() {
		n += 8 + valueCost(&v.Items()[i])
	}
	return n + attrsCost(v.Fields())
}
