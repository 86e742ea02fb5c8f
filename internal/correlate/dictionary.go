package correlate

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/tripod-audit/tripod/internal/audit"
)

// maxStreams bounds the sessions held in memory; devices used least recently are dropped and read again when needed.
const maxStreams = 20_000

// deviceKey is one build of one product on one installation. Only where no installation is named does the credential tell
// devices apart.
type deviceKey struct {
	device, service, version, scope, credential string
}

// device groups the sessions whose records one process may have sent.
type device struct {
	id              int64
	key             deviceKey
	countsFromStart bool
	forgetful       bool  // some of its stretches were forgotten,
	horizon         int64 // the latest of which ended then, µs

	streams map[streamKey]*stream // those in memory
	live    []*stretch
	newest  int64 // when the latest live stretch began, µs
	used    int64 // number of the batch that used it last

	// Changed since the last flush.
	relink    bool // stretches may hang together otherwise
	judge     bool // claims may differ
	touched   bool
	changed   []*stream
	grown     []*stretch
	joined    []*stretch
	forgotten []forgotten
	deleted   []int64

	dirty, fresh bool
}

type streamKey struct {
	session, credential string
}

// stream is what came of one session from one device under one credential.
type stream struct {
	id         int64
	dev        *device
	key        streamKey
	account    Account // as the record at accountSeq asserts it
	accountSeq uint64

	stretches []*stretch // live ones, as they began
	forgetful bool
	horizon   int64
	tail      tail
	keptGaps  int64 // gaps of forgotten stretches that have a discrepancy of their own
	older     older // those that have not
	calls     callTally

	dirty bool
}

// change has the stream written at the next flush.
func (st *stream) change() {
	if !st.dirty {
		st.dirty = true
		st.dev.changed = append(st.dev.changed, st)
	}
}

// dictionary finds the device and the session of a record. It is shared by the kinds and flushed before them.
type dictionary struct {
	devices    map[deviceKey]*device
	accounts   map[uint64]*stream // by the record that asserted the account
	streams    int                // in memory
	nextDevice int64
	nextStream int64
	batch      int64
	touched    []*device // in this batch

	lastKey deviceKey // of the record before: mostly the same again
	lastDev *device
}

func (x *dictionary) drop() { *x = dictionary{} }

// open reads the next free ids.
func (x *dictionary) open(ctx context.Context, tx *transaction) error {
	if x.devices != nil {
		return nil
	}
	for table, next := range map[string]*int64{"devices": &x.nextDevice, "streams": &x.nextStream} {
		if _, err := tx.Row(ctx, "SELECT coalesce(max(id), 0) + 1 FROM "+table, nil, next); err != nil {
			return err
		}
	}
	x.devices, x.accounts = make(map[deviceKey]*device), make(map[uint64]*stream)
	return nil
}

// of finds the stream a record belongs to, and makes it if it is new.
func (x *dictionary) of(ctx context.Context, tx *transaction, r *audit.Record, seq uint64) (*stream, error) {
	id := &r.Account.Asserted
	key := deviceKey{device: id.Device, service: r.Service.Name, version: r.Service.Version, scope: r.Service.ScopeVersion}
	if key.device == "" {
		key.device = id.Subject
	}
	credential := r.Account.Proved.Credential
	if key.device == "" {
		key.credential = credential
	}
	d := x.lastDev
	if d == nil || key != x.lastKey {
		var err error
		if d, err = x.device(ctx, tx, key); err != nil {
			return nil, err
		}
		x.lastKey, x.lastDev = key, d
	}
	x.touch(d)
	st, err := x.stream(ctx, tx, d, streamKey{r.Keys.Session, credential})
	if err != nil {
		return nil, err
	}
	if st.accountSeq == 0 {
		if a := accountOf(id); a.named() {
			st.account, st.accountSeq = a, seq
			x.accounts[seq] = st
			st.change()
			d.judge = true
		}
	}
	return st, nil
}

func (x *dictionary) touch(d *device) {
	if !d.touched {
		d.touched, d.used = true, x.batch
		x.touched = append(x.touched, d)
	}
}

func (x *dictionary) device(ctx context.Context, tx *transaction, key deviceKey) (*device, error) {
	if d := x.devices[key]; d != nil {
		return d, nil
	}
	d := &device{key: key, streams: make(map[streamKey]*stream), countsFromStart: countsFromStart(key.service, key.version, key.scope)}
	found, err := tx.Row(ctx, `SELECT id, forgetful, horizon FROM devices
		WHERE device = ? AND service = ? AND version = ? AND scope = ? AND credential = ?`,
		[]any{key.device, key.service, key.version, key.scope, key.credential}, &d.id, &d.forgetful, &d.horizon)
	if err != nil {
		return nil, err
	}
	if found {
		if err := x.load(ctx, tx, d); err != nil {
			return nil, err
		}
	} else {
		d.id, d.fresh, d.dirty = x.nextDevice, true, true
		x.nextDevice++
	}
	x.devices[key] = d
	return d, nil
}

const streamColumns = `id, session, credential, account, account_seq, forgetful, horizon, tail_hi, tail_t, tail_seq, kept_gaps, older, calls`

func (x *dictionary) scanStream(d *device, scan func(...any) error) (*stream, error) {
	st := &stream{dev: d}
	var account, older, calls string
	if err := scan(&st.id, &st.key.session, &st.key.credential, &account, &st.accountSeq, &st.forgetful, &st.horizon,
		&st.tail.hi, &st.tail.t, &st.tail.seq, &st.keptGaps, &older, &calls); err != nil {
		return nil, err
	}
	if err := cmp.Or(fromJSON(account, &st.account), fromJSON(older, &st.older), fromJSON(calls, &st.calls)); err != nil {
		return nil, err
	}
	d.streams[st.key] = st
	x.streams++
	if st.accountSeq != 0 {
		x.accounts[st.accountSeq] = st
	}
	return st, nil
}

func (x *dictionary) stream(ctx context.Context, tx *transaction, d *device, key streamKey) (*stream, error) {
	if st := d.streams[key]; st != nil {
		return st, nil
	}
	if !d.fresh {
		var st *stream
		err := tx.Rows(ctx, `SELECT `+streamColumns+` FROM streams WHERE device = ? AND session = ? AND credential = ?`,
			[]any{d.id, key.session, key.credential}, func(scan func(...any) error) (err error) {
				st, err = x.scanStream(d, scan)
				return err
			})
		if st != nil || err != nil {
			return st, err
		}
	}
	st := &stream{id: x.nextStream, dev: d, key: key}
	st.change()
	x.nextStream++
	x.streams++
	d.streams[key] = st
	return st, nil
}

// byID finds a stream in memory or reads it with its device.
func (x *dictionary) byID(ctx context.Context, tx *transaction, id int64) (*stream, error) {
	var key deviceKey
	var sk streamKey
	if _, err := tx.Row(ctx, `SELECT d.device, d.service, d.version, d.scope, d.credential, s.session, s.credential
		FROM streams s JOIN devices d ON d.id = s.device WHERE s.id = ?`,
		[]any{id}, &key.device, &key.service, &key.version, &key.scope, &key.credential, &sk.session, &sk.credential); err != nil {
		return nil, err
	}
	d, err := x.device(ctx, tx, key)
	if err != nil {
		return nil, err
	}
	x.touch(d)
	return x.stream(ctx, tx, d, sk)
}

// load reads the live stretches of a device with their streams.
func (x *dictionary) load(ctx context.Context, tx *transaction, d *device) error {
	byID := make(map[int64]*stream)
	err := tx.Rows(ctx, `SELECT `+streamColumns+` FROM streams WHERE id IN (SELECT stream FROM stretches WHERE device = ?)`,
		[]any{d.id}, func(scan func(...any) error) error {
			st, err := x.scanStream(d, scan)
			if err == nil {
				byID[st.id] = st
			}
			return err
		})
	if err != nil {
		return err
	}
	err = tx.Rows(ctx, `SELECT id, stream, lo, hi, tlo, thi, seq_lo, seq_hi, born, born_n, born_t, born_at, grown_at, filled_at, floor, floor_seq, reported
		FROM stretches WHERE device = ? ORDER BY id`, []any{d.id}, func(scan func(...any) error) error {
		s, stream := new(stretch), int64(0)
		if err := scan(&s.id, &stream, &s.lo, &s.hi, &s.tlo, &s.thi, &s.seqLo, &s.seqHi, &s.born, &s.bornN, &s.bornT, &s.bornAt, &s.grownAt,
			&s.filledAt, &s.floor, &s.floorSeq, &s.reported); err != nil {
			return err
		}
		s.st = byID[stream]
		s.st.stretches = append(s.st.stretches, s)
		d.live = append(d.live, s)
		return nil
	})
	if err == nil {
		d.link()
		d.judge = false
	}
	return err
}

// flush writes new and changed devices and streams.
func (x *dictionary) flush(ctx context.Context, tx *transaction) error {
	for _, d := range x.touched {
		if d.dirty {
			if err := tx.Exec(ctx, `INSERT INTO devices VALUES (?,?,?,?,?,?,?,?)
				ON CONFLICT (id) DO UPDATE SET forgetful = excluded.forgetful, horizon = excluded.horizon`,
				d.id, d.key.credential, d.key.device, d.key.service, d.key.version, d.key.scope, d.forgetful, d.horizon); err != nil {
				return err
			}
			d.dirty, d.fresh = false, false
		}
		for _, st := range d.changed {
			if err := st.save(ctx, tx); err != nil {
				return err
			}
		}
		d.changed = d.changed[:0]
	}
	return nil
}

func (st *stream) save(ctx context.Context, tx *transaction) error {
	err := tx.Exec(ctx, `INSERT INTO streams VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)
		ON CONFLICT (id) DO UPDATE SET account = excluded.account, account_seq = excluded.account_seq, forgetful = excluded.forgetful,
		horizon = excluded.horizon, tail_hi = excluded.tail_hi, tail_t = excluded.tail_t, tail_seq = excluded.tail_seq,
		kept_gaps = excluded.kept_gaps, older = excluded.older, calls = excluded.calls`,
		st.id, st.dev.id, st.key.session, st.key.credential, toJSON(st.account), int64(st.accountSeq), st.forgetful, st.horizon,
		st.tail.hi, st.tail.t, int64(st.tail.seq), st.keptGaps, toJSON(st.older), toJSON(st.calls))
	st.dirty = false
	return err
}

// settle ends a batch: nothing is pending any more, and what is too much to hold is dropped.
func (x *dictionary) settle() {
	for _, d := range x.touched {
		d.touched = false
	}
	x.touched = x.touched[:0]
	x.batch++
	if x.streams <= maxStreams {
		return
	}
	x.lastDev = nil
	all := make([]*device, 0, len(x.devices))
	for _, d := range x.devices {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b *device) int { return cmp.Compare(a.used, b.used) })
	for _, d := range all {
		if x.streams <= maxStreams*3/4 {
			return
		}
		x.streams -= len(d.streams)
		for _, st := range d.streams {
			delete(x.accounts, st.accountSeq)
		}
		delete(x.devices, d.key)
	}
}

// forgetAccount drops account details that rest on the record at seq.
func (x *dictionary) forgetAccount(ctx context.Context, tx *transaction, seq uint64) error {
	if st := x.accounts[seq]; st != nil {
		st.account, st.accountSeq = Account{}, 0
		delete(x.accounts, seq)
	}
	return tx.Exec(ctx, `UPDATE streams SET account = '', account_seq = 0 WHERE account_seq = ?`, int64(seq))
}

// toJSON and fromJSON keep small structures in one column; the zero value is "".
func toJSON[T comparable](v T) string {
	var zero T
	if v == zero {
		return ""
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "" // plain structs of strings and numbers always encode
	}
	return string(b)
}

func fromJSON[T any](s string, v *T) error {
	if s == "" {
		return nil
	}
	return json.Unmarshal([]byte(s), v)
}
