package corpus

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
)

// Part is a share of the corpus. The two are made of different templates, not only of different random numbers.
type Part string

// The parts: rules may be changed because of what they miss in Tuning, never because of what they miss in HeldOut.
const (
	Tuning  Part = "tuning"
	HeldOut Part = "held-out"

	// second was held out until it had been looked at; it belongs to Tuning since.
	second Part = "second"
)

// Label is one thing in a sample that a detector should find.
type Label struct {
	Kind       string // family and kind: "credential.aws_access_key"
	Start, End int    // bytes in the text
}

// Sample is one text.
type Sample struct {
	Text     string
	Labels   []Label
	Positive bool   // made to hold something; negatives have labels for what stands in them by the way
	Template string // what it was made of
}

// Make invents so many samples of a part: positives, each kind as often as the others, then negatives.
func Make(seed uint64, part Part, positives, negatives int) ([]Sample, error) {
	r := rand.New(rand.NewPCG(seed, uint64(len(part))))
	kinds, around := kindsOf(part), negativesOf(part)
	var samples []Sample
	for i := range positives {
		k := kinds[i%len(kinds)]
		template := k.templates[i/len(kinds)%len(k.templates)]
		s, err := render(template, k, r)
		if err != nil {
			return nil, err
		}
		s.Positive, s.Template = true, k.name+": "+template
		if r.IntN(2) == 0 { // among other things
			before, err := render(around[r.IntN(len(around))], kind{}, r)
			if err != nil {
				return nil, err
			}
			s = join(before, s)
		}
		samples = append(samples, s)
	}
	for i := range negatives {
		template := around[i%len(around)]
		s, err := render(template, kind{}, r)
		if err != nil {
			return nil, err
		}
		s.Template = template
		samples = append(samples, s)
	}
	return samples, nil
}

func join(a, b Sample) Sample {
	shift := len(a.Text) + 1
	for _, l := range b.Labels {
		a.Labels = append(a.Labels, Label{l.Kind, l.Start + shift, l.End + shift})
	}
	return Sample{Text: a.Text + "\n" + b.Text, Labels: a.Labels, Positive: b.Positive, Template: b.Template}
}

// kind is what positives are made of.
type kind struct {
	name      string
	value     func(*rand.Rand) string // for {} in templates
	templates []string
}

var hole = regexp.MustCompile(`<([A-Za-z0-9_]+(?::[0-9]+)?)>`)

// render fills a template: {} is the kind's value, <…> what draw and things make, «kind|…» a label, «…» one of the kind itself.
func render(template string, k kind, r *rand.Rand) (Sample, error) {
	if k.value != nil {
		template = strings.ReplaceAll(template, "{}", "«"+k.value(r)+"»")
	}
	template = hole.ReplaceAllStringFunc(template, func(m string) string {
		name := m[1 : len(m)-1]
		if make, ok := things[name]; ok {
			return make(r)
		}
		if text, err := draw(name, r); err == nil {
			return text
		}
		return m
	})
	return unmark(template, k.name)
}

// unmark takes the marks out of a text and makes labels of them; labels may lie in each other.
func unmark(template, name string) (Sample, error) {
	var s Sample
	var b strings.Builder
	var open []Label
	for len(template) > 0 {
		i := strings.IndexAny(template, "«»")
		if i < 0 {
			break
		}
		b.WriteString(template[:i])
		if rest, ok := strings.CutPrefix(template[i:], "«"); ok {
			l := Label{name, b.Len(), 0}
			if m := kindMark.FindString(rest); m != "" {
				l.Kind, rest = m[:len(m)-1], rest[len(m):]
			}
			open, template = append(open, l), rest
			continue
		}
		template = template[i+len("»"):]
		if len(open) == 0 {
			return s, fmt.Errorf("template %q: a label ends that did not begin", template)
		}
		l := open[len(open)-1]
		open, l.End = open[:len(open)-1], b.Len()
		s.Labels = append(s.Labels, l)
	}
	if len(open) > 0 {
		return s, fmt.Errorf("template %q: no end of a label", template)
	}
	b.WriteString(template)
	s.Text = b.String()
	return s, nil
}

var kindMark = regexp.MustCompile(`^[a-z]+\.[a-z0-9_]+\|`)

func pick(r *rand.Rand, list ...string) string { return list[r.IntN(len(list))] }
