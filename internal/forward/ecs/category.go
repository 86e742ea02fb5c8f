package ecs

import (
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/forward/ocsf"
)

// sorted tells event.kind, category and type, by the class the record has in OCSF: the two sort alike.
func sorted(r *audit.Record) (kind string, category, types []string) {
	class, activity := ocsf.Classify(r)
	denied := r.Outcome == audit.OutcomeDenied
	kind = "event"
	switch class {
	case 0:
		return "metric", nil, nil
	case 2004:
		if denied {
			return "alert", []string{"intrusion_detection"}, []string{"denied"}
		}
		return "alert", []string{"intrusion_detection"}, []string{"info"}
	case 3001:
		return kind, []string{"iam"}, []string{"user", change(activity == 1, activity == 6)}
	case 3002:
		return kind, []string{"authentication"}, []string{stretch(activity == 1, activity == 2)}
	case 3004:
		if activity == 2 {
			return kind, []string{"configuration"}, []string{"access"}
		}
		return kind, []string{"configuration"}, []string{change(activity == 1 || activity == 6, activity == 4 || activity == 7)}
	case 3005:
		return kind, []string{"iam"}, []string{"user", "admin", "change"}
	case 3006:
		return kind, []string{"iam"}, []string{"group", change(activity == 6, activity == 5)}
	case 4001:
		if denied {
			return kind, []string{"network"}, []string{"connection", "denied"}
		}
		return kind, []string{"network"}, []string{"connection"}
	case 5003:
		return "state", []string{"iam"}, []string{"user", "info"}
	case 5023:
		return "state", []string{"configuration"}, []string{"info"}
	case 6002:
		return kind, lifecycle(activity), lifecycleType(activity)
	case 6007:
		return kind, []string{"vulnerability"}, []string{"info"}
	case 6008:
		return kind, []string{"web"}, []string{"error"}
	}
	return kind, use(class, activity), useType(class, activity, denied)
}

func change(made, gone bool) string {
	switch {
	case made:
		return "creation"
	case gone:
		return "deletion"
	}
	return "change"
}

func stretch(begun, ended bool) string {
	switch {
	case begun:
		return "start"
	case ended:
		return "end"
	}
	return "info"
}

// lifecycle is the category of what happens to a plugin, a hook, a server or to Tripod.
func lifecycle(activity int) []string {
	switch activity {
	case 1, 2, 6, 7, 8:
		return []string{"package"}
	}
	return []string{"process"}
}

func lifecycleType(activity int) []string {
	switch activity {
	case 1:
		return []string{"installation"}
	case 2:
		return []string{"deletion"}
	case 3, 5:
		return []string{"start"}
	case 4:
		return []string{"end"}
	case 6, 7, 8:
		return []string{"change"}
	}
	return []string{"info"}
}

// use is the category of calls and of web resources: who looks is in "web", who changes something calls an API.
func use(class, activity int) []string {
	if class == 6001 && reads(activity) {
		return []string{"web"}
	}
	return []string{"api"}
}

func reads(activity int) bool {
	return activity == 2 || activity == 5 || activity == 7 || activity == 8
}

func useType(class, activity int, denied bool) []string {
	var list []string
	switch {
	case class == 6001 && reads(activity):
		return []string{"access"}
	case activity == 1, activity == 6:
		list = []string{"creation"}
	case activity == 2:
		list = []string{"access"}
	case activity == 3:
		list = []string{"change"}
	case activity == 4:
		list = []string{"deletion"}
	default:
		list = []string{"info"}
	}
	if denied {
		list = append(list, "denied")
	}
	return list
}
