package detector_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/policy/detector"
)

func newSet(t testing.TB, cfg detector.Config) *detector.Set {
	t.Helper()
	s, err := detector.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// show lists findings as "family.kind:what was found".
func show(text string, found []detector.Finding) []string {
	var list []string
	for _, f := range found {
		list = append(list, f.Name()+":"+text[f.Start:f.End])
	}
	return list
}

func TestPersonal(t *testing.T) {
	t.Parallel()
	s := newSet(t, detector.Config{})
	f := func(text string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, show(text, s.Scan(text))); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
	f("mail dana.miller@acme-corp.de, please", "personal.email:dana.miller@acme-corp.de")
	f("git@github.com:org/repo and logo@2x.png and dana@example.com")
	f("redis://u:p@db.acme-corp.io", "destination.url:redis://u:p@db.acme-corp.io")
	f("pay with 4111 1111 1111 1111 now", "personal.card:4111 1111 1111 1111")
	f("card 4111-1111-1111-1112; order 4111111111111111; id_4111111111111111")
	f("IBAN DE89 3704 0044 0532 0130 00.", "personal.iban:DE89 3704 0044 0532 0130 00")
	f("GB82WEST12345698765432", "personal.iban:GB82WEST12345698765432")
	f("call +49 30 1234567 or (415) 555-2671 or 415-555-2671 or 415.555.2671 or +1-415-555-2671 or +44 (0)20 7946 0958", "personal.phone:+49 30 1234567", "personal.phone:(415) 555-2671",
		"personal.phone:415-555-2671", "personal.phone:415.555.2671", "personal.phone:+1-415-555-2671", "personal.phone:+44 (0)20 7946 0958")
	f("Tel. 030/1234567", "personal.phone:030/1234567")
	f("SSN: 219-09-9998", "personal.us_ssn:219-09-9998")
	f("SSN: 219-09-9999 ssn 666-12-1234 adobe 219099998x")
	f(`{"ssn": "219099998"}`, "personal.us_ssn:219099998")
	f("NPI 1234567893", "personal.us_npi:1234567893")
	f("MBI 1EG4-TE5-MK73 1EG4TE5MK73", "personal.us_mbi:1EG4-TE5-MK73", "personal.us_mbi:1EG4TE5MK73")
	f("SIN 193 456 787", "personal.ca_sin:193 456 787")
	f("Steuer-ID 86 095 742 719; IdNr: 65929970489", "personal.de_tax_id:86 095 742 719", "personal.de_tax_id:65929970489")
	f("NHS number 943 476 5919", "personal.uk_nhs:943 476 5919")
	f("NINO AB123456C and AB 12 34 56 C, not GB123456C", "personal.uk_nino:AB123456C", "personal.uk_nino:AB 12 34 56 C")
	f("NIR 2 55 08 14 168 025 38", "personal.fr_nir:2 55 08 14 168 025 38")
	f("DNI 12345678Z, NIE X1234567L", "personal.es_dni:12345678Z", "personal.es_nie:X1234567L")
	f("cf RSSMRA85T10A562S", "personal.it_codice_fiscale:RSSMRA85T10A562S")
	f("BSN 111222333", "personal.nl_bsn:111222333")
	f("personnummer 811218-9876", "personal.se_personnummer:811218-9876")
	f("AHV 756.9217.0769.85", "personal.ch_ahv:756.9217.0769.85")
	f("SVNR 1237 010180", "personal.at_svnr:1237 010180")
	f("PESEL 44051401359", "personal.pl_pesel:44051401359")
	f("hetu 131052-308T", "personal.fi_hetu:131052-308T")
	f("CPR 070761-4285", "personal.dk_cpr:070761-4285")
	f("rijksregister 93.05.18-223.61", "personal.be_national_number:93.05.18-223.61")
	f("CPF 529.982.247-25", "personal.br_cpf:529.982.247-25")
	f("TFN 123 456 782", "personal.au_tfn:123 456 782")
	f("Medicare card number 2123 45670 1", "personal.au_medicare:2123 45670 1")
	f("Aadhaar 2341 2341 2346", "personal.in_aadhaar:2341 2341 2346")
	f("PAN: ABCPE1234F", "personal.in_pan:ABCPE1234F")
	f("NRIC S1234567D", "personal.sg_nric:S1234567D")
	f("PPS 1234567T", "personal.ie_pps:1234567T")
	f("11010519491231002X", "personal.cn_resident_id:11010519491231002X")
	f("CURP HEGG560427MVZRRL04", "personal.mx_curp:HEGG560427MVZRRL04")
	f("KVNR A123456780", "personal.de_health_id:A123456780")
	f("Personalausweis L01X00T471", "personal.de_id_card:L01X00T471")
	f("passport no. C01X00T47", "personal.passport:C01X00T47")
	f("MRN: 00123456, Diagnosis: E11.9", "personal.medical_record_number:00123456", "personal.icd10:E11.9")
	f("born 12 March 1984; DOB: 03/12/1984; geboren am 12.03.1984; date_of_birth: \"1984-03-12\"", "personal.date_of_birth:12 March 1984", "personal.date_of_birth:03/12/1984",
		"personal.date_of_birth:12.03.1984", "personal.date_of_birth:1984-03-12")
	f("born March 12, 1984", "personal.date_of_birth:12, 1984")
	f("IBAN: FR81 3910 4221 4191 4436 0903 358")
	f("Call | 2024-09-04 | +2016-01-03 1.2.840.113556.1.4.73 -2251797666199552 114416685286438 11441493642 DX, R10 I10 time.Unix(+9876543210)")
	f("born 03.02.1987, seen 2022-10-06; 756.2723779548", "personal.date_of_birth:03.02.1987")
	f("DE88 3704 0044 0532 0130 00")
}

func TestDestinations(t *testing.T) {
	s := newSet(t, detector.Config{})
	f := func(text string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, show(text, s.Scan(text))); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
	f("see (https://docs.acme-corp.io/a_(b)?x=1).", "destination.url:https://docs.acme-corp.io/a_(b)?x=1")
	f("http://localhost:8080 file:///etc/passwd http://127.0.0.1/x")
	f("curl https://x.ngrok-free.app/a", "destination.url:https://x.ngrok-free.app/a", "destination.tunnel:x.ngrok-free.app")
	f("dig AAAA x7.oast.fun", "destination.host:x7.oast.fun", "destination.request_catcher:x7.oast.fun")
	f("curl -s http://169.254.169.254/latest/", "destination.url:http://169.254.169.254/latest/", "destination.ip:169.254.169.254", "destination.metadata_address:169.254.169.254")
	f("ssh -p 22 root@bastion.acme-corp.io ls; ssh host ls; func main.go", "destination.host:bastion.acme-corp.io")
	f("from 10.1.2.3:443 version 1.2.3.4 foo==1.2.3.4 v1.2.3.4 1.2.3.4.5 256.1.1.1", "destination.ip:10.1.2.3")
	f("pastebin.com.acme-corp.io mypastebin.com pastebin.community")
	f(strings.Repeat("abcdefg2", 7)+".onion", "destination.onion:"+strings.Repeat("abcdefg2", 7)+".onion")
}

func TestInvisible(t *testing.T) {
	s := newSet(t, detector.Config{})
	f := func(text string, want ...string) {
		t.Helper()
		var got []string
		for _, found := range s.Scan(text) {
			got = append(got, found.Kind)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%+q: %s", text, diff)
		}
	}
	f("pass\u200bword", "zero_width")
	f("a\u200b\u200c\u200b\u200c", "zero_width")
	f("\ufeffpackage main \U0001F468\u200d\U0001F469 \u0645\u06cc\u200c\u062e")
	f("if x {\u202e } ", "bidi_control")
	f("\u05d0\u2067\u05d1\u2069\u05d2")
	f("hi\U000E0068\U000E0069", "tag_characters")
	f("\U0001F3F4\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F")
	f("x\U000E0100\U000E0101\U000E0102", "variation_selectors")
	f("\u2764\ufe0f \u2602\ufe0f")
	f("p\u0430ypal.com \u0430pple admi\u0578", "confusable", "confusable")
	f("\u041f\u0440\u0438\u0432\u0435\u0442 IT-\u0441\u043f\u0435\u0446 5\u03bcm")
}

func TestDictionaries(t *testing.T) {
	const salt = "0123456789abcdef"
	s := newSet(t, detector.Config{
		Off: []string{"personal", "destination.url"},
		Dictionaries: []detector.Dictionary{
			{Name: "projects", Terms: []string{"Blue Heron", "X-41", "Müller"}},
			{Name: "patients", Salt: salt, Words: 2, Hashes: []string{detector.Hash(salt, "Dana  MILLER"), detector.Hash(salt, "p-778")}},
		},
	})
	f := func(text string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, show(text, s.Scan(text))); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
	f("the BLUE HERON plan, x-41 and X-412, MÜLLER", "dictionary.projects:BLUE HERON", "dictionary.projects:x-41", "dictionary.projects:MÜLLER")
	f("Blue Herons xBlue Heron Müllers")
	f("of 'dana miller', P-778.", "dictionary.patients:dana miller", "dictionary.patients:P-778")
	f("dana von miller; mail x@acme-corp.io https://acme-corp.io")
}

func TestConfigIsChecked(t *testing.T) {
	f := func(cfg detector.Config, want string) {
		t.Helper()
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%v, want %q and no secret", err, want)
		}
	}
	f(detector.Config{Off: []string{"personal.nothing"}}, "no family and no kind")
	f(detector.Config{Dictionaries: []detector.Dictionary{{Name: "Bad"}}}, "neither terms nor hashes")
	f(detector.Config{Dictionaries: []detector.Dictionary{{Name: "Bad", Terms: []string{"hush"}}}}, "lower-case")
	f(detector.Config{Dictionaries: []detector.Dictionary{{Name: "a", Terms: []string{" hush "}}}}, "terms[0]")
	f(detector.Config{Dictionaries: []detector.Dictionary{{Name: "a", Salt: "hush", Hashes: []string{"00"}}}}, "salt")
	f(detector.Config{Dictionaries: []detector.Dictionary{{Name: "a", Salt: "hush-hush-hush-hush", Hashes: []string{"hush"}}}}, "hashes[0]")
	f(detector.Config{Dictionaries: []detector.Dictionary{{Name: "a", Terms: []string{"hush"}}, {Name: "a", Terms: []string{"hush"}}}}, "taken")
}

func TestVersion(t *testing.T) {
	a, b := newSet(t, detector.Config{}), newSet(t, detector.Config{})
	c := newSet(t, detector.Config{Off: []string{"personal"}})
	if a.Version() != b.Version() || a.Version() == c.Version() || a.Version() == "" {
		t.Errorf("%q %q %q", a.Version(), b.Version(), c.Version())
	}
	if n := len(a.Kinds()); n < 100 || len(c.Kinds()) >= n {
		t.Errorf("%d kinds, %d without personal data", n, len(c.Kinds()))
	}
}

func TestWordOfCredential(t *testing.T) {
	s := newSet(t, detector.Config{})
	key := "AK" + "IA" + strings.Repeat("QX7ZKM5W", 2)
	for _, text := range []string{key, "x=" + key, `{"a":"\n` + key + `"}`, "%3D" + key + "&", "\x1b[32m" + key + "\x1b[0m", "(" + key + ")"} {
		if got := show(text, s.Scan(text)); len(got) != 1 || got[0] != "credential.aws_access_key:"+key {
			t.Errorf("%q: %v", text, got)
		}
	}
	for _, text := range []string{key + "A", "A" + key, key + "_", strings.ToLower(key)} {
		if got := s.Scan(text); len(got) != 0 {
			t.Errorf("%q: %v", text, show(text, got))
		}
	}
}
