package ocsf

// class is what this package knows of a class of the schema. A test holds it against the schema.
type class struct {
	uid, category           int
	name, categoryName      string
	activities              map[int]string
	actor, source, http     bool // whether the class itself has actor, src_endpoint, http_request
	needsActor, needsSource bool
	finding                 bool // its status is that of a finding
}

// The classes in use.
const (
	baseEvent            = 0
	detectionFinding     = 2004
	accountChange        = 3001
	authentication       = 3002
	entityManagement     = 3004
	userAccess           = 3005
	groupManagement      = 3006
	networkActivity      = 4001
	userInventory        = 5003
	resourcesInventory   = 5023
	webResourcesActivity = 6001
	applicationLifecycle = 6002
	apiActivity          = 6003
	scanActivity         = 6007
	applicationError     = 6008
)

const other = 99 // an activity the class has no word for: activity_name says it in the source's

var classes = classTable()

func classTable() map[int]*class {
	const (
		findings    = "Findings"
		iam         = "Identity & Access Management"
		network     = "Network Activity"
		discovery   = "Discovery"
		application = "Application Activity"
	)
	collect := map[int]string{1: "Log", 2: "Collect"}
	m := make(map[int]*class)
	for _, c := range []*class{
		{uid: baseEvent, name: "Base Event", categoryName: "Uncategorized"},
		{uid: detectionFinding, category: 2, name: "Detection Finding", categoryName: findings, finding: true,
			activities: map[int]string{1: "Create", 2: "Update", 3: "Close"}},
		{uid: accountChange, category: 3, name: "Account Change", categoryName: iam, actor: true, source: true, http: true,
			activities: map[int]string{1: "Create", 2: "Enable", 3: "Password Change", 4: "Password Reset", 5: "Disable", 6: "Delete",
				7: "Attach Policy", 8: "Detach Policy", 9: "Lock", 10: "MFA Factor Enable", 11: "MFA Factor Disable", 12: "Unlock"}},
		{uid: authentication, category: 3, name: "Authentication", categoryName: iam, actor: true, source: true, http: true,
			activities: map[int]string{1: "Logon", 2: "Logoff", 3: "Authentication Ticket", 4: "Service Ticket Request",
				5: "Service Ticket Renew", 6: "Preauth", 7: "Account Switch"}},
		{uid: entityManagement, category: 3, name: "Entity Management", categoryName: iam, actor: true, source: true, http: true,
			activities: map[int]string{1: "Create", 2: "Read", 3: "Update", 4: "Delete", 5: "Move", 6: "Enroll", 7: "Unenroll", 8: "Enable",
				9: "Disable", 10: "Activate", 11: "Deactivate", 12: "Suspend", 13: "Resume"}},
		{uid: userAccess, category: 3, name: "User Access Management", categoryName: iam, actor: true, source: true, http: true,
			activities: map[int]string{1: "Assign Privileges", 2: "Revoke Privileges"}},
		{uid: groupManagement, category: 3, name: "Group Management", categoryName: iam, actor: true, source: true, http: true,
			activities: map[int]string{1: "Assign Privileges", 2: "Revoke Privileges", 3: "Add User", 4: "Remove User", 5: "Delete",
				6: "Create", 7: "Add Subgroup", 8: "Remove Subgroup"}},
		{uid: networkActivity, category: 4, name: "Network Activity", categoryName: network, source: true, needsSource: true,
			activities: map[int]string{1: "Open", 2: "Close", 3: "Reset", 4: "Fail", 5: "Refuse", 6: "Traffic", 7: "Listen"}},
		{uid: userInventory, category: 5, name: "User Inventory Info", categoryName: discovery, actor: true, activities: collect},
		{uid: resourcesInventory, category: 5, name: "Cloud Resources Inventory Info", categoryName: discovery, activities: collect},
		{uid: webResourcesActivity, category: 6, name: "Web Resources Activity", categoryName: application, source: true, http: true,
			activities: map[int]string{1: "Create", 2: "Read", 3: "Update", 4: "Delete", 5: "Search", 6: "Import", 7: "Export", 8: "Share"}},
		{uid: applicationLifecycle, category: 6, name: "Application Lifecycle", categoryName: application,
			activities: map[int]string{1: "Install", 2: "Remove", 3: "Start", 4: "Stop", 5: "Restart", 6: "Enable", 7: "Disable", 8: "Update"}},
		{uid: apiActivity, category: 6, name: "API Activity", categoryName: application, actor: true, source: true, http: true,
			needsActor: true, needsSource: true, activities: map[int]string{1: "Create", 2: "Read", 3: "Update", 4: "Delete"}},
		{uid: scanActivity, category: 6, name: "Scan Activity", categoryName: application,
			activities: map[int]string{1: "Started", 2: "Completed", 3: "Cancelled", 4: "Duration Violation", 5: "Pause Violation", 6: "Error",
				7: "Paused", 8: "Resumed", 9: "Restarted", 10: "Delayed"}},
		{uid: applicationError, category: 6, name: "Application Error", categoryName: application,
			activities: map[int]string{1: "General Error", 2: "Translation Error"}},
	} {
		m[c.uid] = c
	}
	return m
}
