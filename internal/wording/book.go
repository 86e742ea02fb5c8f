package wording

import (
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// phraseOf finds the words for a record.
func phraseOf(r *audit.Record) phrase {
	v := values{r}
	switch r.Source {
	case audit.SourceComplianceActivity:
		return activity(r, v)
	case audit.SourceAuditExport:
		if t, ok := find(exported, r.Type, v); ok {
			return parse(t, v)
		}
		return activity(r, v)
	case audit.SourceComplianceSettings:
		return setting(r, v)
	case audit.SourceComplianceChat, audit.SourceComplianceSession:
		if noun, ok := objects[r.Type]; ok {
			return object(noun, r.Activity)
		}
	case audit.SourceComplianceDirectory, audit.SourceTripod:
		if t, ok := find(own, r.Type, v); ok {
			return parse(t, v)
		}
		return bare(strings.TrimPrefix(r.Type, "tripod."))
	}
	return byClient(r, v)
}

// object words what was found of something that holds content. Its account owns it, and need not be who acted.
func object(noun string, a audit.Activity) phrase {
	switch a {
	case audit.ActivityCreate:
		return phrase{clause: noun + " was created"}
	case audit.ActivityDelete:
		return phrase{clause: noun + " was deleted"}
	case audit.ActivityUpdate:
		return phrase{clause: noun + " was changed"}
	case audit.ActivityShare:
		return phrase{clause: noun + " was shared"}
	}
	return phrase{clause: noun + " was listed"}
}

// activity words a type of the activity feed.
func activity(r *audit.Record, v values) phrase {
	switch r.Type {
	case "claude_organization_settings_updated", "claude_user_settings_updated":
		return settingsUpdated(r, v)
	}
	for _, book := range []map[string]string{activities, administration, organisation} {
		if t, ok := find(book, r.Type, v); ok {
			return parse(t, v)
		}
	}
	if p, ok := grammar(r.Type, v); ok {
		return p
	}
	return bare(r.Type)
}

// byClient words what a client or a gateway told, by type or else by activity.
func byClient(r *audit.Record, v values) phrase {
	if r.Type == "llm.verdict" {
		return verdict(r, v)
	}
	name := strings.TrimPrefix(r.Type, "claude_code.")
	if t, ok := find(client, name, v); ok {
		return parse(t, v)
	}
	if r.Source == audit.SourceOTelMetric {
		return phrase{clause: spaced("usage was reported:", metric(name))}
	}
	if t, ok := find(client, "activity "+string(r.Activity), v); ok {
		return parse(t, v)
	}
	return bare(name)
}

// find looks for the template of a type: one for what the record says of it ("org_sso_toggled:true") before the general one.
func find(book map[string]string, typ string, v values) (string, bool) {
	general, ok := book[typ]
	if !ok || !strings.HasPrefix(general, "?") {
		return general, ok
	}
	// "?attribute:general" asks for the value of an attribute.
	by, general, _ := strings.Cut(general[1:], ":")
	value := v.get(by)
	if by == ".outcome" {
		value = string(v.r.Outcome)
	}
	if t, ok := book[typ+":"+value]; ok {
		return t, true
	}
	return general, true
}

// bare is a name nothing is known of, as words.
func bare(name string) phrase {
	if name = words(name); name == "" {
		name = "something without a type"
	}
	return phrase{clause: cut(name)}
}
