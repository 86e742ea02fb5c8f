package siem

import (
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Vendor is one of the receivers.
type Vendor string

// The receivers. SplunkAck is Splunk with a token that has indexer acknowledgement on.
const (
	Splunk    Vendor = "splunk"
	SplunkAck Vendor = "splunk-ack"
	Elastic   Vendor = "elastic"
	Sentinel  Vendor = "sentinel"
	SecOps    Vendor = "secops"
	Datadog   Vendor = "datadog"
)

// Vendors lists them.
func Vendors() []Vendor { return []Vendor{Splunk, SplunkAck, Elastic, Sentinel, SecOps, Datadog} }

// Credentials that are taken. They are made up and open nothing anywhere else.
const (
	FakeToken        = "fake-hec-token-00000000"
	FakeAckToken     = "fake-hec-token-with-ack"
	FakeElasticKey   = "ZmFrZS1pZDpmYWtlLWVsYXN0aWMta2V5" // base64 of fake-id:fake-elastic-key
	FakeTenant       = "00000000-fake-fake-fake-00000000tena"
	FakeClient       = "00000000-fake-fake-fake-0000000clien"
	FakeClientSecret = "fake-client-secret-of-sentinel"
	FakeRule         = "dcr-00000000000000000000000000000000"
	FakeDatadogKey   = "fake-datadog-api-key-0000000000"
)

// Options say how the receivers behave.
type Options struct {
	Seed   uint64
	Faults Faults
	// IDField is the field by which a receiver without ids of its own tells events apart; empty: tripod_id.
	IDField string
	// Polls is how often an acknowledgement is asked for in vain before it is given; negative: never in vain.
	Polls int
	// TokenLife is how long access tokens are good for; 0: an hour.
	TokenLife time.Duration
	// SlowBy is how long a slow answer takes; 0: 300 ms.
	SlowBy time.Duration
	// RetryAfter is what a busy receiver asks for, in whole seconds; negative: it names no time.
	RetryAfter time.Duration
	// IDsOnly holds ids and counts, and no bodies.
	IDsOnly bool
	// Log hears of faults; nil: nobody does.
	Log *slog.Logger
}

// SIEM is all the receivers behind one address. Their paths do not collide.
type SIEM struct {
	opts   Options
	mux    *http.ServeMux
	faults *chance
	tokens tokens
	acks   acks
	key    func() *account

	mu   sync.Mutex
	held map[Vendor]*held
}

// New makes them, empty.
func New(o Options) *SIEM {
	if o.IDField == "" {
		o.IDField = "tripod_id"
	}
	if o.Polls == 0 {
		o.Polls = 1
	}
	if o.TokenLife == 0 {
		o.TokenLife = time.Hour
	}
	if o.SlowBy == 0 {
		o.SlowBy = 300 * time.Millisecond
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &SIEM{opts: o, mux: http.NewServeMux(), faults: newChance(o.Seed, o.Faults), key: sync.OnceValue(newAccount), held: map[Vendor]*held{}}
	for _, v := range Vendors() {
		s.held[v] = newHeld(o.IDsOnly)
	}
	s.tokens.life, s.acks.polls = o.TokenLife, o.Polls
	s.routes()
	return s
}

func (s *SIEM) routes() {
	s.mux.HandleFunc("POST /services/collector/event", s.splunkEvent)
	s.mux.HandleFunc("POST /services/collector", s.splunkEvent)
	s.mux.HandleFunc("POST /services/collector/ack", s.splunkAck)
	s.mux.HandleFunc("GET /services/collector/health", splunkHealth)
	s.mux.HandleFunc("POST /services/search/v2/jobs/export", s.splunkSearch)
	s.mux.HandleFunc("POST /_bulk", s.elasticBulk)
	s.mux.HandleFunc("POST /{index}/_search", s.elasticSearch)
	s.mux.HandleFunc("PUT /_index_template/{name}", elasticTemplate)
	s.mux.HandleFunc("POST /"+FakeTenant+"/oauth2/v2.0/token", s.sentinelToken)
	s.mux.HandleFunc("POST /dataCollectionRules/{rule}/streams/{stream}", s.sentinelRows)
	s.mux.HandleFunc("POST /token", s.secopsToken)
	s.mux.HandleFunc("POST /v1beta/projects/{project}/locations/{location}/instances/{instance}/logTypes/{type}/{method}", s.secopsImport)
	s.mux.HandleFunc("POST /api/v2/logs", s.datadogLogs)
	s.mux.HandleFunc("GET /held", s.report)
}

// ServeHTTP serves all the vendors' paths, and GET /held for people.
func (s *SIEM) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Next makes the next requests with items to this vendor meet these faults, one each, in order; None meets nothing. When they
// are used up, the rates of Options rule again.
func (s *SIEM) Next(v Vendor, faults ...Fault) { s.faults.next(v, faults) }

// Revoke makes every access token worthless that was given out: what wants to go on has to get another.
func (s *SIEM) Revoke() { s.tokens.revoke() }

// bearer is the token of a request that presents one.
func bearer(r *http.Request) string {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return token
}
