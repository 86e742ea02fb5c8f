package file

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/forward"
)

const (
	defaultRotate = 128 << 20
	// remembered is how many of the last lines are read back when the file is opened: more than can be acknowledged and not yet
	// on record as such.
	remembered = 8192
	batchItems = 1000
)

// Sink is the file. New makes one.
type Sink struct {
	cfg Config

	mu    sync.Mutex
	file  *os.File
	size  int64
	day   string // of the first line, UTC
	tail  map[[16]byte]int
	watch int // items for which tail is still looked at
}

// New opens the file, makes it and its folder where there are none, and cuts off a torn last line.
func New(_ context.Context, cfg Config, _ forward.SinkDeps) (forward.Sink, error) {
	if cfg.RotateBytes == 0 {
		cfg.RotateBytes = defaultRotate
	}
	s := &Sink{cfg: cfg}
	if err := os.MkdirAll(filepath.Dir(cfg.Path), 0o700); err != nil {
		return nil, fmt.Errorf("open %s: %w", cfg.Path, err)
	}
	if err := s.open(); err != nil {
		return nil, err
	}
	if err := s.remember(); err != nil {
		return nil, errors.Join(err, s.file.Close())
	}
	return s, nil
}

// Grade implements forward.Sink.
func (s *Sink) Grade() forward.Grade { return forward.GradeDurable }

// Limits implements forward.Sink.
func (s *Sink) Limits() forward.Limits {
	return forward.Limits{Items: batchItems, Bytes: 4 << 20, ItemBytes: 64 << 20, InFlight: 1, Linger: 20 * time.Millisecond}
}

// Send implements forward.Sink.
func (s *Sink) Send(_ context.Context, items []forward.Item) ([]forward.Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.current(); err != nil {
		return nil, err
	}
	outcomes := make([]forward.Outcome, len(items))
	var lines bytes.Buffer
	for i := range items {
		if s.known(items[i].Body) {
			outcomes[i].Code = forward.Duplicate
			continue
		}
		lines.Write(items[i].Body)
		lines.WriteByte('\n')
	}
	if lines.Len() == 0 {
		return outcomes, nil
	}
	if err := s.rotateFor(int64(lines.Len())); err != nil {
		return nil, err
	}
	return outcomes, s.write(lines.Bytes())
}

// write appends and syncs. What was written by half is taken back, so that the next try does not make a line of two.
func (s *Sink) write(b []byte) error {
	_, err := s.file.Write(b)
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		// Opened anew the next time: whatever stands there is read back, and what is whole is not written again.
		return errors.Join(fmt.Errorf("write %s: %w", s.cfg.Path, err), s.forsake())
	}
	s.size += int64(len(b))
	if s.day == "" {
		s.day = today(time.Now())
	}
	return nil
}

// forsake closes the file after an error; Send opens it again.
func (s *Sink) forsake() error {
	err := s.file.Close()
	s.file = nil
	return err
}

// current makes sure that what is written to is what others find under the path.
func (s *Sink) current() error {
	if s.file != nil {
		is, err := os.Stat(s.cfg.Path)
		was, err2 := s.file.Stat()
		if err == nil && err2 == nil && os.SameFile(is, was) && is.Size() == s.size {
			return nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("look at %s: %w", s.cfg.Path, err)
		}
		if err := s.forsake(); err != nil {
			return fmt.Errorf("close %s: %w", s.cfg.Path, err)
		}
	}
	if err := s.open(); err != nil {
		return err
	}
	return s.remember()
}

func (s *Sink) open() error {
	f, err := os.OpenFile(s.cfg.Path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open %s: %w", s.cfg.Path, err)
	}
	if err := errors.Join(s.mend(f), syncDir(filepath.Dir(s.cfg.Path))); err != nil {
		return errors.Join(err, f.Close())
	}
	s.file = f
	return nil
}

// mend cuts off a torn last line.
func (s *Sink) mend(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open %s: %w", s.cfg.Path, err)
	}
	end, err := lastLineEnd(f, info.Size())
	if err == nil && end < info.Size() {
		if err = f.Truncate(end); err == nil {
			err = f.Sync()
		}
	}
	if err != nil {
		return fmt.Errorf("cut the torn end of %s: %w", s.cfg.Path, err)
	}
	s.size, s.day = end, ""
	if end > 0 {
		s.day = today(info.ModTime())
	}
	return nil
}

// lastLineEnd is the offset behind the last line feed.
func lastLineEnd(f io.ReaderAt, size int64) (int64, error) {
	buf := make([]byte, 64<<10)
	for size > 0 {
		n := min(int64(len(buf)), size)
		if _, err := f.ReadAt(buf[:n], size-n); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			return size - n + int64(i) + 1, nil
		}
		size -= n
	}
	return 0, nil
}

// rotateFor begins a new file where so many bytes more would be too many, or the day is over.
func (s *Sink) rotateFor(more int64) error {
	now := time.Now()
	if s.size == 0 || s.size+more <= s.cfg.RotateBytes && (!s.cfg.RotateDaily || s.day == today(now)) {
		return nil
	}
	if err := s.forsake(); err != nil {
		return fmt.Errorf("close %s: %w", s.cfg.Path, err)
	}
	ext := filepath.Ext(s.cfg.Path)
	for n := 0; ; n++ {
		to := strings.TrimSuffix(s.cfg.Path, ext) + now.UTC().Add(time.Duration(n)*time.Millisecond).Format("-20060102T150405.000Z") + ext
		if _, err := os.Lstat(to); err == nil {
			continue
		}
		if err := os.Rename(s.cfg.Path, to); err != nil {
			return fmt.Errorf("rotate: %w", err)
		}
		break
	}
	if err := s.open(); err != nil {
		return err
	}
	return s.thin()
}

// finished lists the files before the one written to, oldest first.
func (s *Sink) finished() ([]string, error) {
	ext := filepath.Ext(s.cfg.Path)
	base := filepath.Base(strings.TrimSuffix(s.cfg.Path, ext))
	entries, err := os.ReadDir(filepath.Dir(s.cfg.Path))
	if err != nil {
		return nil, fmt.Errorf("list files before %s: %w", s.cfg.Path, err)
	}
	var list []string
	for _, e := range entries {
		stamp, ok := strings.CutPrefix(e.Name(), base+"-")
		if !ok {
			continue
		}
		if _, err := time.Parse("20060102T150405.000Z", strings.TrimSuffix(stamp, ext)); err == nil {
			list = append(list, filepath.Join(filepath.Dir(s.cfg.Path), e.Name()))
		}
	}
	slices.Sort(list)
	return list, nil
}

// thin removes finished files that are too many.
func (s *Sink) thin() error {
	if s.cfg.Keep == 0 {
		return nil
	}
	list, err := s.finished()
	for ; err == nil && len(list) > s.cfg.Keep; list = list[1:] {
		err = os.Remove(list[0])
	}
	return err
}

// remember reads the last lines back: what of them is sent again is there already.
func (s *Sink) remember() error {
	s.tail, s.watch = make(map[[16]byte]int), remembered
	files, err := s.finished()
	if err != nil {
		return err
	}
	lines := 0
	for files = append(files, s.cfg.Path); len(files) > 0 && lines < remembered; files = files[:len(files)-1] {
		n, err := s.rememberFile(files[len(files)-1], remembered-lines)
		if err != nil {
			return fmt.Errorf("read back %s: %w", files[len(files)-1], err)
		}
		lines += n
	}
	return nil
}

// readBack bounds how far one line is looked for, in bytes.
const readBack = 256 << 20

func (s *Sink) rememberFile(path string, most int) (lines int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	var rest []byte // the beginning of a line whose end was read
	buf := make([]byte, 256<<10)
	for at := info.Size(); at > 0 && lines < most && info.Size()-at < readBack; {
		n := min(int64(len(buf)), at)
		at -= n
		if _, err := f.ReadAt(buf[:n], at); err != nil {
			return lines, err
		}
		chunk := append(slices.Clone(buf[:n]), rest...)
		parts := bytes.Split(chunk, []byte{'\n'})
		rest = parts[0]
		if at > 0 {
			parts = parts[1:]
		}
		for _, line := range parts {
			if len(line) > 0 {
				s.tail[digest(line)]++
				lines++
			}
		}
	}
	return lines, nil
}

// known reports whether a line was there when the file was opened. Each counts once: what is as often there is as often sent.
func (s *Sink) known(line []byte) bool {
	if s.watch <= 0 {
		s.tail = nil
		return false
	}
	s.watch--
	d := digest(line)
	if s.tail[d] == 0 {
		return false
	}
	s.tail[d]--
	return true
}

func digest(line []byte) (d [16]byte) {
	sum := sha256.Sum256(line)
	return [16]byte(sum[:16])
}

func today(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// findIn is how far back a probe is looked for, in bytes.
const findIn = 4 << 20

// Find implements forward.Prober: it reads the file back, as whoever collects it would.
func (s *Sink) Find(_ context.Context, id string) (bool, error) {
	f, err := os.Open(s.cfg.Path)
	if err != nil {
		return false, fmt.Errorf("read %s: %w", s.cfg.Path, err)
	}
	defer func() { _ = f.Close() }() // opened for reading: nothing can be lost
	info, err := f.Stat()
	if err != nil {
		return false, fmt.Errorf("read %s: %w", s.cfg.Path, err)
	}
	b := make([]byte, min(info.Size(), findIn))
	if _, err := f.ReadAt(b, info.Size()-int64(len(b))); err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read %s: %w", s.cfg.Path, err)
	}
	return bytes.Contains(b, []byte(id)), nil
}

// Close implements forward.Sink.
func (s *Sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return nil
	}
	return s.forsake()
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	err = errors.Join(d.Sync(), d.Close())
	if err != nil {
		return fmt.Errorf("sync folder %s: %w", path, err)
	}
	return nil
}
