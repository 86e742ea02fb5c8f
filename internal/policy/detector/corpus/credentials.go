package corpus

import (
	"math/rand/v2"
	"slices"
)

// tokens are the credentials that are known by their own form, as their vendors publish it.
var tokens = map[string][]string{
	"aws_access_key":            {"AKIA<b32:16>", "ASIA<b32:16>"},
	"aws_bedrock_key":           {"ABSKQmVkcm9ja0FQSUtleS<b64:87>="},
	"gcp_api_key":               {"AIzaSy<b64url:33>"},
	"google_oauth_secret":       {"GOCSPX-<b64url:28>"},
	"google_oauth_token":        {"ya29.a0<b64url:210>", "ya29.<b64url:680>"},
	"google_refresh_token":      {"1//0g<b64url:99>"},
	"azure_client_secret":       {"<alnum:3>8Q~<alnum:34>", "<alnum:3>7Q~<alnum:34>"},
	"azure_devops_token":        {"<alnum:76>AZDO<alnum:4>"},
	"github_token":              {"ghp_<alnum:36>", "gho_<alnum:36>", "ghu_<alnum:36>", "ghs_<alnum:36>", "ghr_<alnum:76>"},
	"github_fine_grained_token": {"github_pat_<uppernum:22>_<alnum:59>"},
	"gitlab_token":              {"glpat-<b64url:20>", "gldt-<b64url:20>", "glrt-<b64url:20>", "glptt-<hex:40>"},
	"bitbucket_app_password":    {"ATBB<alnum:24><HEX:8>"},
	"atlassian_token":           {"ATATT3xFfGF0<b64url:171>=<HEX:8>"},
	"slack_token":               {"xoxb-<digit:12>-<digit:13>-<alnum:24>", "xoxp-<digit:12>-<digit:12>-<digit:13>-<hex:32>", "xapp-1-A0<uppernum:9>-<digit:13>-<hex:64>"},
	"stripe_key":                {"sk_live_<alnum:99>", "rk_live_<alnum:24>", "sk_test_51<alnum:97>"},
	"webhook_secret":            {"whsec_<alnum:32>"},
	"anthropic_api_key":         {"sk-ant-api03-<b64url:93>AA"},
	"anthropic_admin_key":       {"sk-ant-admin01-<b64url:93>AA"},
	"anthropic_oauth_token":     {"sk-ant-oat01-<b64url:93>AA", "sk-ant-ort01-<b64url:93>AA"},
	"openai_api_key":            {"sk-proj-<b64url:74>T3BlbkFJ<b64url:74>", "sk-<alnum:20>T3BlbkFJ<alnum:20>", "sk-svcacct-<b64url:58>T3BlbkFJ<b64url:58>"},
	"openrouter_key":            {"sk-or-v1-<hex:64>"},
	"huggingface_token":         {"hf_<letter:34>"},
	"replicate_token":           {"r8_<alnum:37>"},
	"groq_key":                  {"gsk_<alnum:52>"},
	"xai_key":                   {"xai-<alnum:80>"},
	"perplexity_key":            {"pplx-<alnum:48>"},
	"nvidia_key":                {"nvapi-<b64url:64>"},
	"langsmith_key":             {"lsv2_pt_<hex:32>_<hex:10>"},
	"npm_token":                 {"npm_<alnum:36>"},
	"pypi_token":                {"pypi-AgEIcHlwaS5vcmcC<b64url:150>"},
	"rubygems_token":            {"rubygems_<hex:48>"},
	"crates_token":              {"cio<alnum:32>"},
	"nuget_key":                 {"oy2<lowernum:43>"},
	"docker_token":              {"dckr_pat_<b64url:27>"},
	"twilio_key":                {"SK<hex:32>"},
	"sendgrid_key":              {"SG.<b64url:22>.<b64url:43>"},
	"mailgun_key":               {"key-<hex:32>"},
	"mailchimp_key":             {"<hex:32>-us21"},
	"telegram_bot_token":        {"<digit19:10>:AA<b64url:33>"},
	"shopify_token":             {"shpat_<hex:32>", "shpss_<hex:32>"},
	"square_token":              {"sq0atp-<b64url:22>"},
	"braintree_token":           {"access_token$production$<lowernum:16>$<hex:32>"},
	"digitalocean_token":        {"dop_v1_<hex:64>"},
	"heroku_key":                {"HRKU-AA<b64url:58>"},
	"netlify_token":             {"nfp_<alnum:36>"},
	"supabase_key":              {"sbp_<hex:40>"},
	"planetscale_token":         {"pscale_tkn_<alnum:43>"},
	"databricks_token":          {"dapi<hex:32>"},
	"vault_token":               {"hvs.<b64url:95>"},
	"terraform_token":           {"<alnum:14>.atlasv1.<alnum:67>"},
	"pulumi_token":              {"pul-<hex:40>"},
	"grafana_token":             {"glsa_<alnum:32>_<hex:8>"},
	"newrelic_key":              {"NRAK-<uppernum:27>"},
	"sentry_token":              {"sntryu_<hex:64>"},
	"linear_key":                {"lin_api_<alnum:40>"},
	"notion_token":              {"ntn_<digit:11><alnum:35>"},
	"figma_token":               {"figd_<b64url:40>"},
	"airtable_token":            {"pat<alnum:14>.<hex:64>"},
	"onepassword_token":         {"ops_eyJ<b64url:600>"},
	"age_secret_key":            {"AGE-SECRET-KEY-1<bech32:58>"},
	"doppler_token":             {"dp.pt.<alnum:43>"},
	"postman_key":               {"PMAK-<hex:24>-<hex:34>"},
	"artifactory_key":           {"AKCp8<alnum:68>"},
	"sonar_token":               {"squ_<hex:40>", "sqp_<hex:40>"},
	"buildkite_token":           {"bkua_<hex:40>"},
	"circleci_token":            {"CCIPAT_<alnum:22>_<hex:40>"},
	"tailscale_key":             {"tskey-auth-<alnum:17>-<alnum:33>"},
	"dropbox_token":             {"sl.<b64url:140>"},
	"mapbox_token":              {"sk.eyJ1Ijoi<b64url:72>.<b64url:22>"},
	"facebook_token":            {"EAAG<alnum:180>"},
	"jwt":                       {"<jwt>"},
}

// tokenContexts are what tokens stand in: code, settings, logs, shells, prose.
var tokenContexts = map[Part][]string{
	Tuning: {
		"export API_CREDS={}", `{"name": "ci", "value": "{}"}`, "upstream:\n  creds: {}\n  retries: 3", `client = Client("{}")`, "<time> INFO worker: calling upstream with {} attempt=<n>",
		`curl -H "X-Auth: {}" $URL`, "Please use {} for the demo, thanks.", "{}", "prod,{},<date>", "`{}`", "<x>{}</x>", "I rotated it: {} -- can you check?",
	},
	second: {
		"CREDS={}\nPORT=8080", "[default]\nregion = eu-west-1\ncreds = {}", "- name: CREDS\n  value: \"{}\"", `fetch(url, {headers: {"x-auth": '{}'}})`, "ENV CREDS {}", "Got 401 with ({}) again, any idea?",
		"| billing | {} | yes |", `"env":[{"n":"A","v":"{}"},{"n":"B","v":"1"}]`, `stdout: "{\"creds\":\"{}\",\"ok\":true}"`, "ich habe {} eingetragen, geht aber nicht", "set -x; run --with {} --fast",
		"a=1;creds={};b=2", "('{}',)", "-creds: old\n+creds: {}", "\x1b[32m{}\x1b[0m", "line one\\n{}\\nline three", "# {}", "key:{}", "<time> WARN <uuid> rejected: [{}]", "voici la clé : {}.",
	},
}

// named are the credentials known by what stands around them; the label is what stands between the marks.
var named = map[string]map[Part][]string{
	"aws_secret_key": {
		Tuning: {"aws_secret_access_key = «<b64:40>»", "AWS_SECRET_ACCESS_KEY=«<b64:40>»\n", `"SecretAccessKey": "«<b64:40>»",`},
		second: {"export AWS_SECRET_ACCESS_KEY='«<b64:40>»'", `secretAccessKey: "«<b64:40>»"`, "aws_secret_key: «<b64:40>»\nregion: eu", `os.environ["AWS_SECRET_ACCESS_KEY"] = "«<b64:40>»"`},
	},
	"gcp_service_account": {Tuning: {`{"type": "service_account", "private_key_id": "«<hex:40>»"`}, second: {`  "project_id": "x-1",` + "\n" + `  "private_key_id" : "«<hex:40>»",`, `{"private_key_id":"«<hex:40>»","client_id":"1"}`}},
	"azure_storage_key": {
		Tuning: {"DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=«<b64:86>==»;EndpointSuffix=core.windows.net"},
		second: {`"conn": "AccountName=acme;AccountKey=«<b64:86>==»"`, "SharedAccessKeyName=root;SharedAccessKey=«<b64:43>=»"},
	},
	"azure_sas":       {Tuning: {"?sv=2022-11-02&se=2027-01-01&sp=r&sig=«<alnum:20>%2B<alnum:22>%3D»"}, second: {"?sp=racwdl&st=2026-01-01&spr=https&sv=2022-11-02&sr=c&sig=«<alnum:11>%2F<alnum:31>%3D»'", "sr=b&sig=«<b64:43>=»&x=1"}},
	"slack_webhook":   {Tuning: {"url: «destination.url|https://«hooks.slack.com/services/T0<uppernum:9>/B0<uppernum:9>/<alnum:24>»»"}, second: {`curl -X POST "«destination.url|https://«hooks.slack.com/services/T0<uppernum:8>/B0<uppernum:9>/<alnum:24>»»"`, `{"webhook":"«destination.url|https://«hooks.slack.com/services/T0<uppernum:9>/B0<uppernum:9>/<alnum:24>»»"}`}},
	"discord_webhook": {Tuning: {"«destination.url|https://«discord.com/api/webhooks/<digit19:18>/<b64url:68>»»"}, second: {"hook = '«destination.url|https://«discordapp.com/api/webhooks/<digit19:19>/<b64url:68>»»'", "POST «destination.url|https://«discord.com/api/webhooks/<digit19:18>/<b64url:68>»» 204"}},
	"teams_webhook":   {Tuning: {"«destination.url|https://acme.«webhook.office.com/webhookb2/<uuid>@<uuid>/IncomingWebhook/<hex:32>/<uuid>»»"}, second: {`"teams": "«destination.url|https://acme.«webhook.office.com/webhookb2/<uuid>@<uuid>/IncomingWebhook/<hex:32>/<uuid>»»"`}},
	"datadog_key":     {Tuning: {"DD_API_KEY=«<hex:32>»", "datadog_api_key: «<hex:32>»"}, second: {`-H "DD-API-KEY: «<hex:32>»"`, `DD_APP_KEY: "«<hex:40>»"`, "DATADOG_API_KEY = '«<hex:32>»'"}},
	"okta_token":      {Tuning: {"Authorization: SSWS «00<b64url:40>»"}, second: {`headers={"Authorization": "SSWS «00<b64url:40>»"}`, "-H 'Authorization: SSWS «00<b64url:40>»' x"}},
	"docker_auth":     {Tuning: {`{"auths": {"ghcr.io": {"auth": "«<basic>»"}}}`}, second: {`"registry.acme-corp.io" : { "auth" : "«<basic>»" }`, `{"auths":{"r.io":{"auth":"«<basic>»","email":""}}}`}},
	"basic_auth":      {Tuning: {"Authorization: Basic «<basic>»", `"authorization": "Basic «<basic>»"`}, second: {"curl -H 'authorization: basic «<basic>»' $U", "> Authorization: Basic «<basic>»\n> Accept: */*", "proxy-authorization: Basic «<basic>»\\r\\n"}},
	"bearer_token":    {Tuning: {"Authorization: Bearer «<alnum:40>»", `-H "authorization: bearer «<hex:48>»"`}, second: {`{"Authorization": "Bearer «<alnum:64>»"}`, "> authorization: Bearer «<b64url:43>»\n> accept: */*", "req.Header.Set(\"Authorization\", \"Bearer «<alnum:32>»\")"}},
	"curl_user":       {Tuning: {"curl -u admin:«<password>» -s $BASE/health"}, second: {"$ curl --silent --user ci-bot:«<password>» -X PUT $NEXUS/x", "curl -s -u 'svc:«<password>»' $H"}},
	"netrc_password":  {Tuning: {"machine git.acme-corp.io login deploy password «<password>»"}, second: {"machine repo.globex.com login ci-bot password «<password>»\nmachine"}},
	"mssql_password":  {Tuning: {"Server=db1;Database=crm;User Id=sa;Password=«<password>»;Encrypt=yes"}, second: {`"Default": "Data Source=db;Initial Catalog=x;User ID=app;Password=«<password>»;TrustServerCertificate=true"`, "Driver={ODBC};Server=db2;Uid=app;Pwd=«<password>»;"}},
	"url_password": {
		Tuning: {"DATABASE=«destination.url|postgres://app:«<password>»@db.acme-corp.io:5432/crm»"},
		second: {"redis «destination.url|rediss://default:«<password>»@cache.globex.com:6380/0»", `dsn = "«destination.url|mysql+pymysql://root2:«<password>»@db.initech.com/x?charset=utf8»"`, "git clone «destination.url|https://bot:«<password>»@git.acme-corp.io/x.git»", "amqp: '«destination.url|amqps://svc:«<password>»@mq.globex.com/vh»'"},
	},
	"private_key": {
		Tuning: {"«-----BEGIN " + "RSA PRIVATE KEY-----\n<b64:64>\n<b64:64>\n<b64:40>\n-----END RSA PRIVATE KEY-----»"},
		second: {"«-----BEGIN " + "OPENSSH PRIVATE KEY-----\n<b64:70>\n<b64:70>\n-----END OPENSSH PRIVATE KEY-----»\n$ ls", `"key": "«-----BEGIN ` + `PRIVATE KEY-----\n<b64:64>\n<b64:64>\n-----END PRIVATE KEY-----»\n"`, "here: «-----BEGIN " + "EC PRIVATE KEY-----\n<b64:64>\n<b64:64>\n-----END EC PRIVATE KEY-----» ok"},
	},
	"pgp_private_key": {Tuning: {"«-----BEGIN " + "PGP PRIVATE KEY BLOCK-----\n\n<b64:64>\n<b64:64>\n=<b64:4>\n-----END PGP PRIVATE KEY BLOCK-----»"}, second: {"$ gpg --export-secret-keys -a\n«-----BEGIN " + "PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\n\n<b64:64>\n<b64:64>\n<b64:12>\n=<b64:4>\n-----END PGP PRIVATE KEY BLOCK-----»\n$"}},
	"password": {
		Tuning: {"password: «<password>»", `"password": "«<password>»"`, "DB_PASSWORD=«<password>»", "password = '«<password>»'", "the password is «<password>»", "mysqldump --password=«<password>» crm"},
		second: {"passwd: \"«<password>»\"", "POSTGRES_PASSWORD: «<password>»", "$dbPassword = '«<password>»';", "<lt>password<gt>«<password>»<lt>/password<gt>", "--password «<password>» --host db1", "Passwort: «<password>»", `{"user":"x","pwd":"«<password>»"}`,
			"SMTP_PASS=«<password>»", "my password is «<password>», can you log in?", "spring.datasource.password=«<password>»", `String passphrase = "«<password>»";`, `\"password\":\"«<password>»\"`},
	},
	"secret": {
		Tuning: {"api_key: «<alnum:32>»", `"client_secret": "«<alnum:40>»"`, "SECRET_KEY=«<hex:64>»", "token = \"«<alnum:36>»\"", `apiKey: '«<hex:32>»',`},
		second: {"X-Api-Key: «<alnum:40>»", `const ACCESS_TOKEN = "«<alnum:48>»";`, "SESSION_SECRET='«<b64:44>»'", "auth_token: «<b64url:43>»", `{"apikey":"«<hex:40>»"}`, "export MISTRAL_API_KEY=«<alnum:32>»", "encryption_key = «<hex:64>»",
			"--api-key=«<alnum:32>» run", `\"clientSecret\": \"«<alnum:40>»\"`, "<api_key>«<alnum:32>»</api_key>", "signing_key=\"«<alnum:50>»\""},
	},
}

func credentialKinds(part Part) []kind {
	var kinds []kind
	for name, values := range tokens {
		contexts := append(slices.Clone(tokenContexts[Tuning]), tokenContexts[second]...)
		if part == HeldOut {
			contexts = heldTokenContexts
		}
		kinds = append(kinds, kind{"credential." + name, func(r *rand.Rand) string { return pick(r, values...) }, contexts})
	}
	for name, parts := range named {
		templates := append(slices.Clone(parts[Tuning]), parts[second]...)
		if part == HeldOut {
			templates = heldNamed[name]
		}
		kinds = append(kinds, kind{"credential." + name, nil, templates})
	}
	return kinds
}
