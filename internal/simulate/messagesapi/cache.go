package messagesapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// The prompt cache, as https://platform.claude.com/docs/en/build-with-claude/prompt-caching describes it.
const (
	// CacheMinimum is how many tokens a prefix must have to be kept.
	CacheMinimum = 1024
	// CacheLifetime is how long a prefix is kept after it was last used, where a breakpoint asks for nothing else.
	CacheLifetime = 5 * time.Minute
	// CacheBreakpoints is how many cache_control marks a request may have.
	CacheBreakpoints = 4
	// BytesPerToken is the size of a token here: four bytes of the JSON of a block.
	BytesPerToken = 4

	cacheLookback = 20      // blocks before a breakpoint within which an older prefix is looked for
	maxPrefixes   = 200_000 // bounds the memory of the cache
)

// prefix is the beginning of a prompt, up to and including one block.
type prefix struct {
	hash   [32]byte // of key, model and all blocks so far, byte by byte
	tokens int
	keep   time.Duration // not zero: a breakpoint, whose prefix is kept that long
}

// promptCache remembers prefixes until they expire. Its caller holds a lock.
type promptCache map[[32]byte]time.Time

// use finds the longest prefix that is on record, puts those of the breakpoints on record, and counts tokens: read from the
// cache, written to it, and those after the last breakpoint, which no cache takes part in.
func (c promptCache) use(list []prefix, now time.Time) Usage {
	var u Usage
	last := -1 // the last breakpoint with enough before it
	for i, p := range list {
		if p.keep > 0 && p.tokens >= CacheMinimum {
			last = i
		}
	}
	total := 0
	if len(list) > 0 {
		total = list[len(list)-1].tokens
	}
	if last < 0 {
		u.Input = int64(total)
		return u
	}
	hit := c.longest(list, last, now)
	u.CacheRead, u.Input = int64(hit), int64(total-list[last].tokens)
	for _, p := range list[:last+1] {
		if p.keep == 0 || p.tokens < CacheMinimum {
			continue
		}
		if written := int64(p.tokens - hit); written > 0 {
			if p.keep > CacheLifetime {
				u.CacheCreateHour += written
			}
			u.CacheCreate += written
			hit = p.tokens
		}
		c.put(p.hash, now.Add(p.keep), now)
	}
	return u
}

// longest is how many tokens of a prompt are on record, up to a breakpoint.
func (c promptCache) longest(list []prefix, last int, now time.Time) int {
	for i := last; i >= 0; i-- {
		if list[i].keep == 0 {
			continue
		}
		for j := i; j >= 0 && j > i-cacheLookback; j-- {
			if until, ok := c[list[j].hash]; ok && now.Before(until) {
				return list[j].tokens
			}
		}
	}
	return 0
}

func (c promptCache) put(hash [32]byte, until, now time.Time) {
	if len(c) >= maxPrefixes {
		maps.DeleteFunc(c, func(_ [32]byte, until time.Time) bool { return !now.Before(until) })
	}
	if len(c) >= maxPrefixes {
		clear(c)
	}
	c[hash] = until
}

// cacheable is what the prompt cache reads of a request, each block in its own bytes.
type cacheable struct {
	Model        string            `json:"model"`
	Tools        []json.RawMessage `json:"tools"`
	System       json.RawMessage   `json:"system"`
	ToolChoice   json.RawMessage   `json:"tool_choice"`
	Thinking     json.RawMessage   `json:"thinking"`
	CacheControl *cacheControl     `json:"cache_control"`
	Messages     []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	} `json:"messages"`
}

type cacheControl struct {
	Type string `json:"type"`
	TTL  string `json:"ttl"`
}

func (c *cacheControl) keep() time.Duration {
	switch {
	case c == nil:
		return 0
	case c.TTL == "1h":
		return time.Hour
	}
	return CacheLifetime
}

// prefixes are those of a body in the order of the cache: tools, system, messages. Too many breakpoints are an error.
func prefixes(key string, data []byte) ([]prefix, *apiError) {
	var req cacheable
	if err := json.Unmarshal(data, &req); err != nil {
		return nil, refused("the prompt could not be read: %v", err)
	}
	p := prompt{sum: sha256.Sum256(fmt.Appendf(nil, "%s\x00%s", key, req.Model))}
	for _, tool := range req.Tools {
		p.block("tools", tool)
	}
	p.content("system", req.System)
	p.sum = sha256.Sum256(slices.Concat(p.sum[:], req.ToolChoice, []byte{0}, req.Thinking)) // a change of these spares tools and system
	for _, m := range req.Messages {
		p.content(m.Role, m.Content)
	}
	if p.err == nil && req.CacheControl != nil && len(p.list) > 0 {
		last := &p.list[len(p.list)-1]
		if last.keep == 0 {
			p.marks++
		}
		last.keep = req.CacheControl.keep()
	}
	if p.err == nil && p.marks > CacheBreakpoints {
		p.err = refused("A maximum of %d blocks with cache_control may be provided. Found %d.", CacheBreakpoints, p.marks)
	}
	return p.list, p.err
}

func refused(format string, args ...any) *apiError {
	e := invalid(format, args...)
	return &e
}

// prompt gathers the prefixes of one.
type prompt struct {
	sum   [32]byte
	bytes int
	marks int
	list  []prefix
	err   *apiError
}

// content adds what stands in a content list; a bare string is one text block.
func (p *prompt) content(where string, data json.RawMessage) {
	data = bytes.TrimSpace(data)
	if p.err != nil || len(data) == 0 || string(data) == "null" {
		return
	}
	if data[0] == '"' {
		p.block(where, slices.Concat([]byte(`{"type":"text","text":`), data, []byte("}")))
		return
	}
	var list []json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		p.err = refused("content: %v", err)
		return
	}
	for _, b := range list {
		p.block(where, b)
	}
}

// block adds a block: all its members in their own bytes, but for cache_control, which moves on with the conversation.
func (p *prompt) block(where string, data json.RawMessage) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		p.err = refused("a block of content: %v", err)
		return
	}
	var mark *cacheControl
	if raw, ok := members["cache_control"]; ok {
		if err := json.Unmarshal(raw, &mark); err != nil {
			p.err = refused("cache_control: %v", err)
			return
		}
		delete(members, "cache_control")
	}
	if mark != nil {
		p.marks++
	}
	sum := sha256.New()
	sum.Write(p.sum[:])
	fmt.Fprintf(sum, "%s\x00", where)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		fmt.Fprintf(sum, "%s\x00%d\x00", name, len(members[name]))
		sum.Write(members[name])
		p.bytes += len(members[name])
	}
	sum.Sum(p.sum[:0])
	p.list = append(p.list, prefix{hash: p.sum, tokens: (p.bytes + BytesPerToken - 1) / BytesPerToken, keep: mark.keep()})
}
