//go:build claude

package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// MCPEnv makes a test binary serve MCP on its standard streams instead of testing.
const MCPEnv = "TRIPOD_E2E_MCP"

// ServeMCP is a tiny MCP server, line by line over stdio (https://modelcontextprotocol.io/specification/2025-11-25):
// "lookup" answers with what it was asked, "fail" fails. It has no server/discover, as most servers today.
func ServeMCP(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var req struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
			Params struct {
				Name      string            `json:"name"`
				Arguments map[string]string `json:"arguments"`
			} `json:"params"`
		}
		if err := json.Unmarshal(lines.Bytes(), &req); err != nil {
			return fmt.Errorf("decode request: %w", err)
		}
		if req.ID == nil {
			continue // a notification
		}
		answer := map[string]any{"jsonrpc": "2.0", "id": req.ID}
		switch req.Method {
		case "initialize":
			answer["result"] = map[string]any{
				"protocolVersion": "2025-11-25", "capabilities": map[string]any{"tools": map[string]any{}},
				"serverInfo": map[string]string{"name": "lab", "version": "1.0.0"},
			}
		case "tools/list":
			answer["result"] = map[string]any{"tools": []any{
				mcpTool("lookup", "looks something up", "id"), mcpTool("fail", "always fails", "why"),
			}}
		case "tools/call":
			answer["result"] = mcpResult(req.Params.Name, req.Params.Arguments)
		default:
			answer["error"] = map[string]any{"code": -32601, "message": "no such method"}
		}
		if err := json.NewEncoder(out).Encode(answer); err != nil {
			return fmt.Errorf("answer %s: %w", req.Method, err)
		}
	}
	return lines.Err()
}

func mcpTool(name, description, argument string) map[string]any {
	return map[string]any{"name": name, "description": description, "inputSchema": map[string]any{
		"type": "object", "properties": map[string]any{argument: map[string]string{"type": "string"}},
	}}
}

func mcpResult(tool string, args map[string]string) map[string]any {
	text := func(s string) []any { return []any{map[string]string{"type": "text", "text": s}} }
	if tool == "fail" {
		return map[string]any{"content": text("lab failure " + args["why"]), "isError": true}
	}
	return map[string]any{"content": text("found " + args["id"])}
}

// MCPConfig writes a configuration that gives the client one MCP server, named lab: this test binary, whose TestMain has to
// know MCPEnv. It returns the arguments that make the client use it.
func MCPConfig(t *testing.T, dir string) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatalf("find the test binary: %v", err)
	}
	config, err := json.Marshal(map[string]any{"mcpServers": map[string]any{
		"lab": map[string]any{"type": "stdio", "command": self, "env": map[string]string{MCPEnv: "1"}},
	}})
	if err != nil {
		t.Fatalf("encode the MCP configuration: %v", err)
	}
	path := filepath.Join(dir, "mcp.json")
	if err := os.WriteFile(path, config, 0o644); err != nil {
		t.Fatalf("write the MCP configuration: %v", err)
	}
	return []string{"--mcp-config", path, "--strict-mcp-config"}
}
