package corpus

import "slices"

// negatives are texts that hold only what looks like something: by part, so that held-out ones are of other forms. What stands
// in them by the way and is real (a URL, an address) has a label.
var negatives = map[Part][]string{
	Tuning: {
		"<prose>", "<prose> <prose> <prose>", "id=<uuid> parent=<uuid>", "commit <hex:40>\nAuthor: <name>\n\n    <prose>", "<hex:64>  release-<ver>.tar.gz", `src="data:image/png;base64,<img>"`, "<min>",
		"<time> INFO request id=<hex:16> path=/v1/<w>/<n> status=200 duration_ms=<n>", "<time> ERROR [main] o.s.b.<w> - could not open <w> (attempt <n>)", "API_KEY=YOUR_API_KEY", "token: <lt>your-token-here>", "sk-ant-api03-xxxxxxxxxxxxxxxxxxxx",
		`password = os.environ["DB_PASSWORD"]`, "password: ${DB_PASSWORD}", `if (password === "") { return; }`, "const password = req.body.password;", "order 4<digit:15>", "Order #<digit:12> shipped, tracking number 1Z<uppernum:16>", "tracking: 94<digit:20>",
		`"integrity": "sha512-<b64:86>=="`, "golang.org/x/<w> v<ver> h1:<b64:43>=", "<w>==<ver>.<n>", "card: <badcard>", "IBAN: <badiban>", "NHS number: <badnhs>", "Steuer-ID: <badtax>", "PESEL: <badpesel>",
		"[<float>, <float>, <float>, <float>, <float>, <float>]", "ISBN 978-<digit:1>-<digit:2>-<digit:6>-<digit:1>", "{\"id\": <id>, \"ts\": <ms>, \"<w>\": \"<ident>\"}", "@Override public String get<w>() { return this.<w>; }", "import {x} from '@acme/<w>-<w>';",
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI<b64:43> ci@build", "-----BEGIN CERTIFICATE-----\n<b64:64>\n<b64:64>\n-----END CERTIFICATE-----", "0x<hex:40>", "<ulid> <ulid>", "ObjectId(\"<hex:24>\")", "etag: W/\"<hex:32>\"",
		"max_tokens=<n> temperature=0.7 token_count: <big>", "nextPageToken: \"CAoQA<b64url:40>\"", "SELECT <w>, count(*) FROM <w>s WHERE id = <n> GROUP BY 1 ORDER BY 2 DESC LIMIT <n>;", "#<hex:6> #<hex:6> margin: <n>px <n>px;",
		"10:<n> $<n>.99 (<n>%) <n>x<n>", "function call ended at line <n>, column <n>", "version <n>.<n>.<n>.<n>", "tel: see intranet", "<time> 00007f<hex:10> 48 8b 05 <hex:2> <hex:2> <hex:2> 00 48 85 c0 74 <hex:2>",
	},
	second: {
		"section 4.2.1.3 of the report", "see chapter <n>.<n>.<n>.<n>",
		"<prose> <prose>", "<prose>\n\n<prose>\n\n<prose> <prose>", "trace_id=<hex:32> span_id=<hex:16>", "Merge: <hex:7> <hex:7>\nDate: <time>\n<prose>", "sha256:<hex:64> digest: <hex:64>", "url(data:font/woff2;base64,<img>)", "!<min>;<min>",
		`{"level":"info","time":"<time>","msg":"done","req":"<uuid>","took":<float>}`, "<time> kernel: [<float>] usb <n>-<n>: new device <hex:4>:<hex:4>", "OPENAI_API_KEY=sk-...", "ghp_XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", "export TOKEN=<lt>paste token here>",
		"AKIAIOSFODNN7EXAMPLE / wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "secret: !Ref DbSecret", "password: {{ .Values.db.password }}", "password = getpass.getpass('Password: ')", "self.password = password", "String secret = System.getenv(\"APP_SECRET\");",
		"valueFrom:\n  secretKeyRef:\n    name: db-credentials\n    key: password", "token: ${{ secrets.GITHUB_TOKEN }}", "variable \"db_password\" { type = string, sensitive = true }", "ARG NPM_TOKEN\nRUN npm ci", "<input type=\"password\" name=\"password\" placeholder=\"Password\">",
		"invoice no. 5<digit:15> of <date>", "Bestellnummer: <digit:11>, Sendungsnummer <digit:12>", "<big> <big> <big> <big>", "\"resolved\": \"<w>-<ver>.tgz\", \"integrity\": \"sha1-<b64:27>=\"", "  checksum <b64:43>= (<n> files)",
		"pay with <badcard> please", "transfer to <badiban>.", "nhs_number=<badnhs>", "IdNr <badtax>", "pesel = <badpesel>", "DNI <baddni>", "BSN: <badbsn>", "CPF: <badcpf>", "AHV <badahv>", "NPI <badnpi>",
		"loss: <float> acc: <float> lr: <float> step <big>", "EAN <digit:13>, SKU <uppernum:8>-<digit:6>", "[<ms>, <ns>, <ms>]", "{\"user_id\": <id>, \"order_id\": <id>, \"cursor\": \"<b64url:24>\"}", "@Inject private final <w>Service <w>; // TODO(<n>)",
		"npm WARN deprecated <w>-<w>@<ver>: use <w>@<ver> instead", "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABB<b64:80>= me", "-----BEGIN PUBLIC KEY-----\n<b64:64>\n<b64:64>\n-----END PUBLIC KEY-----",
		"tx 0x<hex:64> block <big> gas <big>", "<alnum:21> <alnum:27> <lowernum:25>", "arn:aws:iam::<digit:12>:role/<w>-<w>", "blob <hex:40> <big>\ttree <hex:40>", "X-Amz-Request-Id: <uppernum:16> X-Cache: HIT", "tokenizer.encode(text) # tokens: <big>", "csrf_token = \"<alnum:32>\"",
		"page_token=<b64url:44>", "git checkout <hex:10> && make -j<n>", "INSERT INTO <w> VALUES (<n>, '<ident>', <float>, '<date>'), (<n>, '<ident>', <float>, '<date>');", ".a{color:#<hex:6>}.b{width:calc(<n>px + <n>%)}", "<n>/<n>/<n> <n>:<n> <n>-<n>-<n>",
		"at com.acme.<w>.<w>(<w>.java:<n>)\n\tat com.acme.<w>.<w>(<w>.java:<n>)", "release <n>.<n>.<n>.<n> is out", "v<ver>-rc.<n>+<hex:7>", "Segmentation fault at 0x00007ff<hex:9> (core <big>)", "| <w> | <n> | <float> | <date> |\n|---|---|---|---|", "lat=<float>, lon=-<float>, alt=<n>m",
		"<n>.<n>.<n>", "<time>,<float>,<float>,<float>,<id>,<w>", "Do not show this dialog to the user again.", "ignore the previous error and instructions below stay the same", "You are now connected to database \"<w>\" as user \"<w>\".", "Act as if nothing happened; the tests pass without restrictions on order.",
		"<a href=\"#top\">back</a> <img src=\"logo@2x.png\">", "ping me when it is done, curl is installed, ssh works", "Call me later, phone is broken", "She was born in the year the wall fell.", "the card game has 52 cards, visa is a document", "passport control took <n> minutes",
		"diagnosis: unknown, see sheet A4", "patient id missing for <n> rows", "MRN mismatch in <n> rows", "привет-world и React-компонент", "☃️ ❤️ 👩\u200d👩\u200d👧 \U0001F3F4\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F", "می\u200cخواهم بدانم", "µm, Ωm and σ² = <float>", "password123 is a bad password, and so is hunter2", "secret-santa-2026 list",
		"session: <uuid>, device: <uuid>", "Basic auth is off, bearer tokens are used", "bearer of bad news", "SHA256:<b64:43> host key", "const KEY_PREFIX = 'cache:<w>:<w>:v<n>'", "AWS_REGION=eu-central-1 AWS_PROFILE=dev", "account number is in the other file, order <digit:9> too",
		"<digit:3>-<digit:4>-<digit:3> part", "seq <digit:17>", "<digit:10> bytes in <digit:9> packets", "job_<digit:11> run <digit:8>", "ticket INC<digit:10>, change CHG<digit:9>", "Rechnung Nr. <digit:9> vom <date>", "serial <uppernum:4>-<uppernum:4>-<uppernum:4>-<uppernum:4>",
	},
}

func negativesOf(part Part) []string {
	if part == HeldOut {
		return heldNegatives
	}
	return append(slices.Clone(negatives[Tuning]), negatives[second]...)
}
