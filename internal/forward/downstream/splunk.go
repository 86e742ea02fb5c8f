package downstream

import (
	"fmt"
	"slices"
	"strings"
)

// splunk makes an add-on's configuration files. A lookup tells what a class is in the model; Splunk runs calculated
// fields before lookups, so the action of a sign-in, which its status tells, is not overwritten by the lookup.
func splunk(t *tables) ([]File, error) {
	var lookup strings.Builder
	lookup.WriteString("class_uid,activity_id,action\n")
	tagged := map[string][]int{} // classes by tags
	for _, c := range t.classes {
		if c.action != none {
			fmt.Fprintf(&lookup, "%d,%d,%s\n", c.uid, c.activity, c.action)
		}
		if tags := strings.Join(c.tags, ","); tags != "" && !slices.Contains(tagged[tags], c.uid) {
			tagged[tags] = append(tagged[tags], c.uid)
		}
	}
	var types, tags strings.Builder
	fmt.Fprintf(&types, "# %s\n", made)
	fmt.Fprintf(&tags, "# %s\n", made)
	for _, list := range sortedKeys(tagged) {
		name := "tripod_" + strings.ReplaceAll(list, ",", "_")
		var search []string
		for _, uid := range tagged[list] {
			search = append(search, fmt.Sprintf("class_uid=%d", uid))
		}
		fmt.Fprintf(&types, "\n[%s]\nsearch = sourcetype=\"tripod:ocsf\" (%s)\n", name, strings.Join(search, " OR "))
		fmt.Fprintf(&tags, "\n[eventtype=%s]\n", name)
		for _, tag := range strings.Split(list, ",") {
			fmt.Fprintf(&tags, "%s = enabled\n", tag)
		}
	}
	return []File{
		{"default/props.conf", []byte(props(t))},
		{"default/transforms.conf", fmt.Appendf(nil, "# %s\n\n[tripod_classes]\nfilename = tripod_classes.csv\n", made)},
		{"default/eventtypes.conf", []byte(types.String())},
		{"default/tags.conf", []byte(tags.String())},
		{"lookups/tripod_classes.csv", []byte(lookup.String())},
	}, nil
}

func props(t *tables) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# %s
# Splunk's Common Information Model for events of Tripod: sourcetype tripod:ocsf, and tripod:record for plain records.

[tripod:ocsf]
SHOULD_LINEMERGE = false
LINE_BREAKER = ([\r\n]+)
TRUNCATE = 0
KV_MODE = json
TIME_PREFIX = "time":
TIME_FORMAT = %%s%%3N
MAX_TIMESTAMP_LOOKAHEAD = 16
EVAL-vendor_product = "Tripod"
EVAL-action = if(class_uid=3002, case(status_id=1, "success", status_id=2, "failure", true(), "unknown"), null())
EVAL-app = coalesce('metadata.product.name', "Tripod")
EVAL-dest = coalesce('metadata.product.name', "Tripod")
EVAL-result = 'status'
`, made)
	names, from := t.sources(func(f field) string { return f.cim })
	for _, name := range names {
		var places []string
		for _, p := range from[name] {
			places = append(places, "'"+strings.ReplaceAll(p, "[0]", "{}")+"'")
		}
		fmt.Fprintf(&b, "EVAL-%s = coalesce(%s)\n", name, strings.Join(places, ", "))
	}
	b.WriteString(`LOOKUP-tripod_classes = tripod_classes class_uid activity_id OUTPUTNEW action

[tripod:record]
SHOULD_LINEMERGE = false
LINE_BREAKER = ([\r\n]+)
TRUNCATE = 0
KV_MODE = json
TIME_PREFIX = "occurred":"
TIME_FORMAT = %Y-%m-%dT%H:%M:%S.%9N%Z
MAX_TIMESTAMP_LOOKAHEAD = 40
EVAL-vendor_product = "Tripod"
EVAL-user = coalesce('account.proved.email', 'account.proved.user', 'account.proved.service', 'account.proved.key', 'account.asserted.email', 'account.asserted.user')
EVAL-src = 'ip'
EVAL-signature_id = 'type'
EVAL-result = 'outcome'
`)
	return b.String()
}

func sortedKeys[V any](m map[string]V) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}
