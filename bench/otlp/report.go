package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// report is everything that one invocation found.
type report struct {
	Date      time.Time     `json:"date"`
	Cores     int           `json:"cores"`
	CPU       string        `json:"cpu"`
	Load      string        `json:"load_average_at_start"`
	Transport string        `json:"transport"`
	Lanes     int           `json:"connections"`
	Workloads []workloadRow `json:"workloads"`
	Rows      []row         `json:"rows"`
	Ratios    []row         `json:"ratios_tripod_to_collector"`
	Cells     []cell        `json:"cells"`
}

type workloadRow struct {
	Size     int     `json:"records_per_export"`
	Records  int     `json:"records"`
	Protobuf float64 `json:"protobuf_bytes_per_record"`
	JSON     float64 `json:"json_bytes_per_record"`
}

// row sums up the rounds of one system and size: latencies are quantiles of
// all rounds together, everything else is a median. As a ratio it is the median
// of each round's.
type row struct {
	System   string  `json:"system"`
	Size     int     `json:"records_per_export"`
	Acked    float64 `json:"acknowledged_per_s"`
	Findable float64 `json:"searchable_per_s"`
	// Strict is a ratio only: Tripod until the last record can be found, over
	// the collector until it has acknowledged.
	Strict    float64 `json:"searchable_to_acknowledged,omitempty"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Memory    float64 `json:"peak_memory_mib"`
	Disk      float64 `json:"disk_bytes_per_record"`
	CPU       float64 `json:"cpu_s_per_1000_records"`
	Generator float64 `json:"generator_cpu_s"`
}

func newReport(transport string, lanes int) report {
	load, _ := os.ReadFile("/proc/loadavg")
	return report{
		Date: time.Now().UTC().Truncate(time.Second), Cores: runtime.NumCPU(), CPU: cpuModel(),
		Load: strings.TrimSpace(string(load)), Transport: transport, Lanes: lanes,
	}
}

func (r *report) addWorkload(w *workload) {
	r.Workloads = append(r.Workloads, workloadRow{
		Size: w.size, Records: w.records, Protobuf: float64(w.bytes) / float64(w.records), JSON: w.json,
	})
}

// sum computes rows and ratios from the cells.
func (r *report) sum() {
	r.Rows, r.Ratios = nil, nil
	for _, w := range r.Workloads {
		t, c := r.of("tripod", w.Size), r.of("collector", w.Size)
		for _, cells := range [][]cell{c, t} {
			if len(cells) > 0 {
				r.Rows = append(r.Rows, summarise(cells))
			}
		}
		if len(t) == len(c) && len(t) > 0 {
			r.Ratios = append(r.Ratios, ratio(t, c))
		}
	}
}

func (r *report) of(system string, size int) (cells []cell) {
	for _, c := range r.Cells {
		if c.System == system && c.Size == size {
			cells = append(cells, c)
		}
	}
	return cells
}

func summarise(cells []cell) row {
	var all []time.Duration
	for _, c := range cells {
		all = append(all, c.latencies...)
	}
	mid := func(f func(cell) float64) float64 {
		values := make([]float64, len(cells))
		for i, c := range cells {
			values[i] = f(c)
		}
		return median(values)
	}
	return row{
		System: cells[0].System, Size: cells[0].Size,
		P50: millis(quantile(all, 0.50)), P99: millis(quantile(all, 0.99)),
		Acked:     mid(func(c cell) float64 { return c.Acked }),
		Findable:  mid(func(c cell) float64 { return c.Findable }),
		Memory:    mid(func(c cell) float64 { return float64(c.Memory) / (1 << 20) }),
		Disk:      mid(func(c cell) float64 { return c.Disk }),
		CPU:       mid(func(c cell) float64 { return c.CPU }),
		Generator: mid(func(c cell) float64 { return c.Generator }),
	}
}

// ratio compares cell by cell, as they stood next to each other in time.
func ratio(t, c []cell) row {
	mid := func(f func(t, c cell) float64) float64 {
		values := make([]float64, len(t))
		for i := range t {
			values[i] = f(t[i], c[i])
		}
		return median(values)
	}
	return row{
		System: "ratio", Size: t[0].Size,
		Acked:     mid(func(t, c cell) float64 { return t.Acked / c.Acked }),
		Findable:  mid(func(t, c cell) float64 { return t.Findable / c.Findable }),
		Strict:    mid(func(t, c cell) float64 { return t.Findable / c.Acked }),
		P50:       mid(func(t, c cell) float64 { return t.P50 / c.P50 }),
		P99:       mid(func(t, c cell) float64 { return t.P99 / c.P99 }),
		Memory:    mid(func(t, c cell) float64 { return float64(t.Memory) / float64(c.Memory) }),
		Disk:      mid(func(t, c cell) float64 { return t.Disk / c.Disk }),
		CPU:       mid(func(t, c cell) float64 { return t.CPU / c.CPU }),
		Generator: mid(func(t, c cell) float64 { return t.Generator / c.Generator }),
	}
}

func (r *report) markdown(w io.Writer) {
	fmt.Fprintf(w, "%s, %d cores (%s), OTLP over %s, %d connections, %s\n\n",
		r.Date.Format("2006-01-02 15:04 MST"), r.Cores, r.CPU, r.Transport, r.Lanes, rounds(r.Cells))
	for _, l := range r.Workloads {
		fmt.Fprintf(w, "* %d per export: %d records, %.0f bytes of protobuf and %.0f of JSON each\n", l.Size, l.Records, l.Protobuf, l.JSON)
	}
	fmt.Fprint(w, "\n| per export | system | acknowledged/s | searchable/s | p50 ms | p99 ms | peak MiB | disk B/record | CPU s/1,000 | generator CPU s |\n",
		"|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, row := range r.Rows {
		fmt.Fprintf(w, "| %d | %s | %.0f | %.0f | %.2f | %.2f | %.0f | %.0f | %.4f | %.2f |\n", row.Size, row.System,
			row.Acked, row.Findable, row.P50, row.P99, row.Memory, row.Disk, row.CPU, row.Generator)
	}
	for _, row := range r.Ratios {
		fmt.Fprintf(w, "| %d | **tripod / collector** | **%.2f×** | **%.2f×** | %.2f× | %.2f× | %.2f× | **%.2f×** | %.2f× | %.2f× |\n", row.Size,
			row.Acked, row.Findable, row.P50, row.P99, row.Memory, row.Disk, row.CPU, row.Generator)
	}
	fmt.Fprintln(w)
	for _, g := range r.goals() {
		fmt.Fprintf(w, "* %s: %s\n", either(g.met, "met", "**not met**"), g.what)
	}
	for _, c := range r.Cells {
		if c.Others > 0.05 {
			fmt.Fprintf(w, "* disturbed: others used %.0f %% of the machine during round %d, %d per export, %s\n", c.Others*100, c.Round, c.Size, c.System)
		}
		if c.Cut || c.Refusals > 0 {
			fmt.Fprintf(w, "* round %d, %d per export, %s: %d refusals, cut short: %t\n", c.Round, c.Size, c.System, c.Refusals, c.Cut)
		}
	}
}

func rounds(cells []cell) string {
	n := 0
	for _, c := range cells {
		n = max(n, c.Round)
	}
	return fmt.Sprintf("median of %d rounds", n)
}

type goal struct {
	what string
	met  bool
}

// goals are what Tripod sets itself against the collector.
func (r *report) goals() (goals []goal) {
	add := func(met bool, format string, args ...any) {
		goals = append(goals, goal{fmt.Sprintf(format, args...), met})
	}
	for _, x := range r.Ratios {
		switch x.Size {
		case 1:
			add(x.Acked >= 1, "at 1 per export acknowledged no slower than the collector: %.2f×", x.Acked)
		case 100:
			add(x.Acked >= 2, "at 100 per export acknowledged at least 2×: %.2f×", x.Acked)
			add(x.Findable >= 1, "at 100 per export searchable at least 1×: %.2f× (%.2f× of what the collector merely acknowledges)", x.Findable, x.Strict)
		}
		add(x.Disk <= 0.5, "at %d per export disk at most half of the collector's file: %.2f×", x.Size, x.Disk)
	}
	for _, row := range r.Rows {
		if row.System == "tripod" {
			add(row.Memory < 250, "at %d per export memory under 250 MiB: %.0f MiB", row.Size, row.Memory)
		}
	}
	return goals
}

func (r *report) write(path string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

// recordIn replaces the result in the page at path.
func recordIn(path, result string) error {
	const begin, end = "<!-- result: written by -record -->\n", "<!-- end of result -->\n"
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok1 := strings.Cut(string(page), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		return fmt.Errorf("%s: no place for the result", path)
	}
	return os.WriteFile(path, []byte(head+begin+strings.TrimSpace(result)+"\n"+end+tail), 0o644)
}

func cpuModel() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			return strings.TrimSpace(v)
		}
	}
	return runtime.GOARCH
}
