package countdown

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tripod-audit/tripod/internal/organisation"
)

// applies is a fact that is the case in an organisation.
type applies struct {
	fact   Fact
	org    string // "" for all
	period period
	words  string // the period as it was told
}

// apply chooses the facts that are the case, as the settings in force tell.
func apply(settings []organisation.Setting) (list []applies) {
	byOrg := make(map[string]map[string]string)
	var orgs []string
	for i := range settings {
		s := &settings[i]
		if s.Gone || !s.Told || !s.Snapshot || s.Name != settingHIPAA && s.Name != settingPeriods {
			continue
		}
		if byOrg[s.Org] == nil {
			byOrg[s.Org] = make(map[string]string)
			orgs = append(orgs, s.Org)
		}
		byOrg[s.Org][s.Name] = s.Value
	}
	slices.Sort(orgs)
	for _, f := range Facts() {
		if f.ID == FactDeleted {
			list = append(list, applies{fact: f})
			continue
		}
		for _, org := range orgs {
			a := applies{fact: f, org: org}
			if f.ID == FactHIPAA {
				if byOrg[org][settingHIPAA] != "true" {
					continue
				}
				a.period, a.words = f.fixed(), strconv.Itoa(f.days)+" days"
			} else if a.period, a.words = shortest(byOrg[org][settingPeriods], f.data); a.period.none() {
				continue
			}
			list = append(list, a)
		}
	}
	return list
}

// shortest reads the shortest finite period of some data, of any data where none is named, from the words of the setting:
// "chat: 24 months, project: indefinite".
func shortest(words string, data []string) (p period, told string) {
	for part := range strings.SplitSeq(words, ", ") {
		name, length, ok := strings.Cut(part, ": ")
		if !ok || len(data) > 0 && !slices.Contains(data, name) {
			continue
		}
		one, err := periodOf(length)
		if err != nil || one.none() {
			continue
		}
		if p.none() || one.months*30+one.days < p.months*30+p.days {
			p, told = one, part
		}
	}
	return p, told
}

// mostYears bounds a period, so that no date overflows.
const mostYears = 200

// periodOf reads "24 months", "1 day" or "indefinite", which is none.
func periodOf(words string) (period, error) {
	if words == "indefinite" {
		return period{}, nil
	}
	count, unit, _ := strings.Cut(words, " ")
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || n > mostYears*366 {
		return period{}, fmt.Errorf("%q is no period", words)
	}
	switch strings.TrimSuffix(unit, "s") {
	case "day":
		return period{days: n}, nil
	case "month":
		if n <= 12*mostYears {
			return period{months: n}, nil
		}
	case "year":
		if n <= mostYears {
			return period{months: 12 * n}, nil
		}
	}
	return period{}, fmt.Errorf("%q is no period", words)
}
