package detector

import "bytes"

var pemSet = func() *byteSet {
	s := setOf("A-Za-z0-9+/=\\ ,:_\"'.()\r\n\t-")
	s['-'] = true
	return s
}()

const pemBegin = "-----BEGIN "

// pem opens a window on the first line of what may be a private key, and only if it is one, a window on the rest.
func (st *Stream) pem(start int) {
	st.open(job{judge: judgePEMLabel, set: pemSet, start: start, limit: start + len(pemBegin) + 32})
}

func judgePEMLabel(st *Stream, j job) {
	if label, _, ok := bytes.Cut(st.text(j.start+len(pemBegin), j.end), []byte("-----")); ok && bytes.Contains(label, []byte("PRIVATE KEY")) {
		st.open(job{judge: judgePEM, set: pemSet, start: j.start, end: j.end, limit: j.start + longest})
	}
}

// judgePEM finds private keys from their first line to their last; without a last line, as far as the key's characters go.
func judgePEM(st *Stream, j job) {
	window := st.text(j.start, j.end)
	label, body, ok := bytes.Cut(window[len(pemBegin):], []byte("-----"))
	if !ok || len(label) > 40 {
		return
	}
	kind := "private_key"
	switch {
	case bytes.Equal(label, []byte("PGP PRIVATE KEY BLOCK")):
		kind = "pgp_private_key"
	case !bytes.HasSuffix(label, []byte("PRIVATE KEY")):
		return
	}
	head := len(window) - len(body)
	if placeholder(body[:min(len(body), 80)]) || count(body[:min(len(body), 200)], alnum) < 24 {
		return
	}
	end := len(bytes.TrimRight(window, " \r\n\t\"'\\,.:()_-"))
	if i := bytes.Index(body, []byte("-----END ")); i >= 0 {
		end = head + i + len("-----END ")
		if k := bytes.Index(window[end:], []byte("-----")); k >= 0 && k <= 40 {
			end += k + len("-----")
		}
	}
	st.found(FamilyCredential, kind, j.start, j.start+end)
}
