package complianceapi

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"strings"
)

func fileRoutes() []route {
	return []route{
		{method: "GET", path: "/apps/chats/files/{id}", name: "file", scope: scopeUserData, serve: (*API).fileMetadata},
		{method: "GET", path: "/apps/chats/files/{id}/content", name: "file content", scope: scopeUserData, serve: (*API).fileContent},
		{method: "DELETE", path: "/apps/chats/files/{id}", name: "delete a file", scope: scopeDelete, serve: (*API).deleteFile},
		{method: "GET", path: "/apps/chats/generated-files/{id}", name: "generated file", scope: scopeUserData, serve: (*API).generatedMetadata},
		{method: "GET", path: "/apps/chats/generated-files/{id}/content", name: "generated file content", scope: scopeUserData, serve: (*API).generatedContent},
		{method: "GET", path: "/apps/artifacts/{id}", name: "artifact", scope: scopeUserData, serve: (*API).artifactMetadata},
		{method: "GET", path: "/apps/artifacts/{id}/content", name: "artifact content", scope: scopeUserData, serve: (*API).artifactContent},
	}
}

// bytes are those of a file as it was uploaded or made.
func (e *estate) bytes(f *file) []byte {
	var b strings.Builder
	for i := 0; b.Len() < f.size; i++ {
		fmt.Fprintf(&b, "%s, Zeile %d: %s\n", f.name, i+1, e.a.dice.id("", "line", f.id))
		if i%40 == 39 { // what is invented repeats itself
			rest := b.String()
			for b.Len() < f.size {
				b.WriteString(rest)
			}
		}
	}
	return []byte(b.String()[:f.size])
}

// served are the bytes of a download: of some files the text that was extracted, not the original.
func (e *estate) served(f *file) []byte {
	if f.variant {
		return append([]byte("Text von "+f.name+"\n"), e.bytes(f)[:f.size/2]...)
	}
	return e.bytes(f)
}

// md5 is that of the original, which is what metadata has.
func (e *estate) md5(f *file) string {
	sum := md5.Sum(e.bytes(f))
	return hex.EncodeToString(sum[:])
}

// withFile finds a file that was uploaded, or generated, and answers with what then makes of it.
func (a *API) withFile(c *call, generated bool, then func(*estate, *file) (*answer, *refusal)) (*answer, *refusal) {
	e := a.estate
	e.mu.Lock()
	defer e.mu.Unlock()
	e.upto(c.At)
	f := e.files[c.vars["id"]]
	made := f != nil && f.chat != nil && f.chat.made == f
	if !e.hasFile(f, c.At) || made != generated {
		if generated {
			return nil, missing("Generated file not found: '%s'", c.vars["id"])
		}
		return nil, missing("File not found: %s", c.vars["id"])
	}
	return then(e, f)
}

// fileMetadata serves GET /apps/chats/files/{id}, of chats and projects.
func (a *API) fileMetadata(c *call) (*answer, *refusal) {
	return a.withFile(c, false, func(e *estate, f *file) (*answer, *refusal) {
		type body struct {
			messageFile
			Created  string   `json:"created_at"`
			Messages []string `json:"message_ids"`
			Chats    []string `json:"claude_chat_ids"`
		}
		b := body{messageFile: e.attached(f, false), Created: micros(f.at), Messages: []string{}, Chats: []string{}}
		if f.chat != nil {
			b.Messages, b.Chats = append(b.Messages, f.chat.said[0].ID), append(b.Chats, f.chat.id)
		}
		return jsonAnswer(b)
	})
}

// fileContent serves GET /apps/chats/files/{id}/content.
func (a *API) fileContent(c *call) (*answer, *refusal) {
	return a.withFile(c, false, download)
}

func download(e *estate, f *file) (*answer, *refusal) {
	mime := f.mime
	if f.variant {
		mime = "text/plain; charset=utf-8"
	}
	return &answer{body: e.served(f), file: true, name: f.name, mime: mime}, nil
}

// deleteFile serves DELETE /apps/chats/files/{id}: the file wherever it is attached.
func (a *API) deleteFile(c *call) (*answer, *refusal) {
	return a.withFile(c, false, func(e *estate, f *file) (*answer, *refusal) {
		e.gone[f.id] = c.At
		return confirm(f.id, "claude_file_deleted")
	})
}

// generatedMetadata serves GET /apps/chats/generated-files/{id}.
func (a *API) generatedMetadata(c *call) (*answer, *refusal) {
	return a.withFile(c, true, func(e *estate, f *file) (*answer, *refusal) {
		return jsonAnswer(struct {
			messageFile
			Chat    string `json:"claude_chat_id"`
			Created string `json:"created_at"`
		}{e.attached(f, false), f.chat.id, micros(f.at)})
	})
}

// generatedContent serves GET /apps/chats/generated-files/{id}/content.
func (a *API) generatedContent(c *call) (*answer, *refusal) { return a.withFile(c, true, download) }

// withArtifact finds a version of an artifact.
func (a *API) withArtifact(c *call, then func(v *artifact, text string) (*answer, *refusal)) (*answer, *refusal) {
	e := a.estate
	e.mu.Lock()
	defer e.mu.Unlock()
	e.upto(c.At)
	v := e.artifacts[c.vars["id"]]
	if v == nil || v.at.After(c.At) || !e.hasChat(v.chat, c.At) || !e.readable(v.chat, c.At) {
		return nil, missing("Artifact version not found: '%s'", c.vars["id"])
	}
	return then(v, "# "+v.name+"\n\n"+v.chat.said[1].Text+"\n")
}

// artifactMetadata serves GET /apps/artifacts/{artifact_version_id}.
func (a *API) artifactMetadata(c *call) (*answer, *refusal) {
	return a.withArtifact(c, func(v *artifact, text string) (*answer, *refusal) {
		sum, kind := md5.Sum([]byte(text)), "text/markdown"
		return jsonAnswer(struct {
			chatArtifact
			Chat    string `json:"claude_chat_id"`
			Created string `json:"created_at"`
			MD5     string `json:"md5"`
			Size    int    `json:"size_bytes"`
		}{chatArtifact{v.id, v.version, &v.name, &kind}, v.chat.id, micros(v.at), hex.EncodeToString(sum[:]), len(text)})
	})
}

// artifactContent serves GET /apps/artifacts/{artifact_version_id}/content.
func (a *API) artifactContent(c *call) (*answer, *refusal) {
	return a.withArtifact(c, func(v *artifact, text string) (*answer, *refusal) {
		return jsonAnswer(map[string]string{"content": text, "title": v.name, "artifact_type": "text/markdown"})
	})
}
