package policy

import "strings"

// tool is a tool as rules see it.
type tool struct {
	name   string // of the tool alone
	server string // of the MCP server it belongs to; empty: it belongs to none
	full   string // as clients say both: mcp__SERVER__TOOL; the name alone where there is no server
}

// toolOf takes a tool's name and server however they are told.
func toolOf(name, server string) tool {
	if rest, is := strings.CutPrefix(name, "mcp__"); is {
		s, bare, both := strings.Cut(rest, "__")
		if both && (server == "" || server == s) {
			return tool{name: bare, server: s, full: name}
		}
	}
	if server == "" {
		return tool{name: name, full: name}
	}
	return tool{name: name, server: server, full: "mcp__" + server + "__" + name}
}

// command is the shell command of a tool call that runs one, made plain: continued lines joined, quotes and backslashes that
// change nothing taken out, what stands for a space made one. It makes rules readable and simple detours useless; it is no
// shell, and who wants to hide a command from it can.
func command(args map[string]any) string {
	s := argument(args, "command", "cmd", "script", "bash_command")
	if s == "" {
		if list, ok := args["command"].([]any); ok { // as MCP servers like it: a list of words
			var words []string
			for _, w := range list {
				if w, ok := w.(string); ok {
					words = append(words, w)
				}
			}
			s = strings.Join(words, " ")
		}
	}
	return plainCommand(s)
}

func plainCommand(s string) string {
	s = strings.NewReplacer("\\\r\n", "", "\\\n", "", "${IFS}", " ", "$IFS$9", " ", "$IFS", " ").Replace(s)
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '\'', '"':
		case '\\':
			if i+1 < len(s) && isWord(s[i+1]) && !drive(s, i) {
				continue // r\m is rm
			}
			b.WriteByte(c)
		case ' ', '\t':
			if t := b.Len(); t == 0 || b.String()[t-1] != ' ' {
				b.WriteByte(' ')
			}
		default:
			b.WriteByte(c)
		}
	}
	return strings.TrimSpace(b.String())
}

// drive reports whether the backslash at i is part of a Windows path.
func drive(s string, i int) bool {
	const longest = 260 // a path; and a bound, since this is asked for each backslash
	word := s[max(0, i-longest):i]
	word = word[strings.LastIndexAny(word, " \t\n'\"=")+1:]
	return strings.Contains(word, ":") || strings.HasPrefix(word, `\\`) || strings.HasPrefix(word, "%") || strings.HasPrefix(word, "$env")
}

func isWord(c byte) bool {
	return c == '_' || c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
