// Completion in the query bar: fields, then the values they are known to have.
"use strict";
(() => {
  const MOST = 12;
  let words = null;            // fields and closed vocabularies, fetched at the first key
  const facets = new Map();    // field -> values found by the query the page shows
  let box = null, options = [], active = -1;

  const getJSON = async (url) => {
    try {
      const res = await fetch(url, {headers: {Accept: "application/json"}});
      return res.ok ? await res.json() : null;
    } catch {
      return null;
    }
  };

  // part is the piece of the query that the caret is in: -field:value,val|
  const part = (input) => {
    const before = input.value.slice(0, input.selectionStart);
    let start = 0, quoted = false;
    for (let i = 0; i < before.length; i++) {
      if (before[i] === "\\" && quoted) i++;
      else if (before[i] === '"') quoted = !quoted;
      else if (/\s/.test(before[i]) && !quoted) start = i + 1;
    }
    const term = before.slice(start).replace(/^-/, "");
    start = before.length - term.length;
    const colon = term.indexOf(":");
    if (colon < 0) return {start, text: term, field: ""};
    const comma = term.lastIndexOf(",");
    const from = Math.max(colon, comma) + 1;
    return {start: start + from, text: term.slice(from).replace(/^"/, ""), field: term.slice(0, colon).toLowerCase()};
  };

  const quote = (v) => (/[\s",*\\]/.test(v) || v === "" ? '"' + v.replace(/[\\"]/g, "\\$&") + '"' : v);

  const candidates = async (p) => {
    words ??= await getJSON("/activity/words");
    if (!words) return [];
    if (!p.field) return words.fields.map((f) => ({insert: f.text + ":", text: f.text + ":", help: f.help}));
    const known = words.values[p.field] || [];
    let found = [];
    if (words.facets.includes(p.field)) {
      if (!facets.has(p.field)) {
        const asked = document.getElementById("q").defaultValue; // the query on record, not the one being typed
        facets.set(p.field, document.querySelector(".query.wrong") ? [] :
          (await getJSON("/activity/values?field=" + p.field + "&q=" + encodeURIComponent(asked))) || []);
      }
      found = facets.get(p.field);
    }
    const seen = new Set(found.map((v) => v.text));
    return [...found, ...known.filter((v) => !seen.has(v.text))].map((v) => ({insert: quote(v.text), text: v.text, help: v.help || "", n: v.n}));
  };

  const close = (input) => {
    if (box) box.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };

  const mark = (input, at) => {
    active = at;
    [...box.children].forEach((el, i) => el.setAttribute("aria-selected", String(i === at)));
    if (at < 0) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", "option-" + at);
    box.children[at].scrollIntoView({block: "nearest"});
  };

  const take = (input, at) => {
    const p = part(input), o = options[at], rest = input.value.slice(input.selectionStart).replace(/^[^\s,]*/, "");
    const head = input.value.slice(0, p.start) + o.insert;
    const gap = p.field && !rest.startsWith(" ") && !rest.startsWith(",") ? " " : "";
    input.value = head + gap + rest;
    input.setSelectionRange(head.length + gap.length, head.length + gap.length);
    close(input);
    if (!p.field) offer(input);
  };

  let turn = 0;
  const offer = async (input) => {
    const mine = ++turn, p = part(input);
    if (!p.field && !p.text && input.value.trim() !== "" && !input.value.slice(0, input.selectionStart).endsWith(" ")) return close(input);
    const all = await candidates(p);
    if (mine !== turn || document.activeElement !== input) return;
    const typed = p.text.toLowerCase();
    const starts = all.filter((o) => o.text.toLowerCase().startsWith(typed));
    const holds = typed ? all.filter((o) => !starts.includes(o) && o.text.toLowerCase().includes(typed)) : [];
    options = [...starts, ...holds].slice(0, MOST);
    if (options.length === 0 || (options.length === 1 && options[0].text === p.text)) return close(input);
    box.replaceChildren(...options.map((o, i) => {
      const li = document.createElement("li"), name = document.createElement("bdi"), help = document.createElement("span");
      li.id = "option-" + i;
      li.setAttribute("role", "option");
      name.textContent = o.text;
      help.className = "note";
      help.textContent = o.n ? o.n.toLocaleString("en") : o.help;
      li.append(name, help);
      li.addEventListener("pointerdown", (e) => { e.preventDefault(); take(input, i); });
      return li;
    }));
    box.hidden = false;
    input.setAttribute("aria-expanded", "true");
    mark(input, -1);
  };

  document.addEventListener("DOMContentLoaded", () => {
    const input = document.getElementById("q");
    if (!input) return;
    box = document.createElement("ul");
    box.id = "options";
    box.className = "options";
    box.hidden = true;
    box.setAttribute("role", "listbox");
    box.setAttribute("aria-label", "Suggestions");
    input.closest(".query").append(box);
    for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", "options"]]) input.setAttribute(name, value);
    input.addEventListener("input", () => offer(input));
    input.addEventListener("blur", () => close(input));
    input.addEventListener("keydown", (e) => {
      if (e.isComposing || e.ctrlKey || e.metaKey) return;
      const open = !box.hidden;
      if (e.key === "ArrowDown" || e.key === "ArrowUp") {
        e.preventDefault();
        if (!open) return offer(input);
        const by = e.key === "ArrowDown" ? 1 : -1;
        mark(input, (active + by + options.length + (active < 0 && by < 0 ? 1 : 0)) % options.length);
      } else if (open && (e.key === "Enter" || e.key === "Tab") && active >= 0) {
        e.preventDefault();
        take(input, active);
      } else if (open && e.key === "Tab" && options.length > 0 && part(input).text !== "") {
        e.preventDefault();
        take(input, 0);
      } else if (open && e.key === "Escape") {
        e.preventDefault();
        e.stopPropagation();
        close(input);
      }
    });
  });
})();
