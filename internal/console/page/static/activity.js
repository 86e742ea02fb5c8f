// The activity page: moving through the list, the record beside it, the histogram's brush, saved queries.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const wide = () => matchMedia("(min-width: 900px)").matches;
  const links = () => [...document.querySelectorAll("#rows tbody a[hx-get]")];
  const rowOf = (el) => el && el.closest("#rows tbody tr");
  const current = () => rowOf(document.activeElement) || document.querySelector("#rows tr.shown");

  // The list.
  const move = (by) => {
    const all = links();
    if (all.length === 0) return;
    const row = current();
    const at = row ? all.indexOf(row.querySelector("a[hx-get]")) : by > 0 ? -1 : all.length;
    const next = all[Math.min(all.length - 1, Math.max(0, at + by))];
    next.focus({preventScroll: true});
    next.closest("tr").scrollIntoView({block: "nearest"});
    if (!$("beside").hidden) next.click();
  };

  const show = (row) => {
    for (const tr of document.querySelectorAll("#rows tr.shown")) tr.classList.remove("shown");
    if (row) row.classList.add("shown");
    $("beside").hidden = !row;
    $("activity").classList.toggle("with-record", !!row);
  };

  const close = () => {
    const row = document.querySelector("#rows tr.shown");
    show(null);
    $("panel").replaceChildren();
    if (row) row.querySelector("a").focus();
  };

  // The address says which record stands beside the list: opening one is a step that Back takes back, moving on to the next
  // is none.
  const opened = () => new URL(location.href).searchParams.get("open");
  const address = (seq) => {
    const url = new URL(location.href);
    if (seq) url.searchParams.set("open", seq);
    else url.searchParams.delete("open");
    return url;
  };
  const note = (seq) => {
    if (opened() === seq) return;
    if (opened()) history.replaceState(history.state, "", address(seq));
    else history.pushState({beside: true}, "", address(seq));
  };
  const leave = () => {
    if (history.state?.beside) return history.back(); // which closes it
    history.replaceState(history.state, "", address(""));
    close();
  };
  const follow = () => {
    if (!$("beside")) return;
    const seq = opened();
    if (!seq) {
      if (!$("beside").hidden) close();
      return;
    }
    if (!/^[0-9]+$/.test(seq) || !wide() || $("panel").querySelector("article")?.dataset.seq === seq) return;
    const link = document.querySelector('#rows a[href="/record/' + seq + '"]');
    if (link) link.click();
    else htmx.ajax("GET", "/record/" + seq, {target: "#panel", swap: "innerHTML"});
  };
  addEventListener("popstate", follow);

  // A click with a modifier, or where there is no room beside the list, follows the link as it is. Before htmx hears of it.
  document.addEventListener("click", (e) => {
    const link = e.target.closest("#rows a[hx-get]");
    if (link && (e.ctrlKey || e.metaKey || e.shiftKey || !wide())) e.stopPropagation();
  }, true);

  document.addEventListener("click", (e) => {
    if (e.target.closest("#beside [data-close]")) return leave();
    const row = rowOf(e.target);
    if (!row || e.target.closest("a, button") || String(getSelection())) return;
    row.querySelector("a").click();
  });

  document.addEventListener("htmx:beforeRequest", (e) => {
    const row = rowOf(e.target);
    if (row && row.classList.contains("shown") && !$("beside").hidden) {
      e.preventDefault(); // it is there already: go into it
      $("panel").focus();
    }
  });
  document.addEventListener("htmx:afterSwap", (e) => {
    if (e.detail.target.id !== "panel") return;
    const seq = $("panel").querySelector("article")?.dataset.seq;
    const row = rowOf(e.detail.requestConfig.elt);
    show(row);
    $("beside").hidden = false; // one that is not in the list can be asked for by address
    $("activity").classList.add("with-record");
    $("beside").scrollTop = 0;
    if (seq) note(seq);
    if (row) row.scrollIntoView({block: "nearest"});
    window.tripod.say("Record shown beside the list");
  });

  document.addEventListener("keydown", (e) => {
    if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || window.tripod.typing(e.target) || document.querySelector("dialog[open]")) return;
    if (e.target.closest("#histogram")) return;
    const inList = !!rowOf(e.target);
    const page = (rel) => { const a = document.querySelector(rel); if (a) location.assign(a.href); };
    switch (e.key) {
      case "j": move(1); break;
      case "k": move(-1); break;
      case "ArrowDown": if (!inList) return; move(1); break;
      case "ArrowUp": if (!inList) return; move(-1); break;
      case "o": { const row = current(); if (row) location.assign(row.querySelector("a").href); return; }
      case "s": { const row = current(); if (row && row.dataset.session) location.assign(row.dataset.session); return; }
      case "l": if (!$("beside")) return; if ($("beside").hidden) { const row = current(); if (row) row.querySelector("a").click(); } else $("panel").focus(); break;
      case "n": page('.pages a[rel="next"]'); return;
      case "p": page(".pages a:not([rel])"); return;
      case "Escape": if ($("beside") && !$("beside").hidden) { leave(); break; } return;
      default: return;
    }
    e.preventDefault();
  });

  // The histogram: bars are links; one of them is in the tab order, arrows move between them, a drag selects several.
  const selected = {from: -1, to: -1, moved: false};
  const bars = () => [...document.querySelectorAll("#histogram a[data-from]")];
  const brush = () => {
    const all = bars(), rect = $("brush");
    if (selected.from < 0) return rect.setAttribute("width", 0);
    const lo = Math.min(selected.from, selected.to), hi = Math.max(selected.from, selected.to), w = 1000 / all.length;
    rect.setAttribute("x", lo * w);
    rect.setAttribute("width", (hi - lo + 1) * w);
  };
  const openSelection = () => {
    const all = bars(), lo = Math.min(selected.from, selected.to), hi = Math.max(selected.from, selected.to);
    const url = $("histogram").dataset.url;
    location.assign(url.replace("FROM", encodeURIComponent(all[lo].dataset.from)).replace("TO", encodeURIComponent(all[hi].dataset.to)));
  };
  const barAt = (svg, x) => {
    const box = svg.getBoundingClientRect(), n = bars().length;
    return Math.min(n - 1, Math.max(0, Math.floor((x - box.left) / box.width * n)));
  };
  const rove = () => bars().forEach((a, i, all) => { a.tabIndex = i === all.length - 1 ? 0 : -1; });

  document.addEventListener("pointerdown", (e) => {
    const svg = e.target.closest("#histogram svg");
    if (!svg || e.button !== 0 || e.ctrlKey || e.metaKey || e.pointerType === "touch") return;
    selected.from = selected.to = barAt(svg, e.clientX);
    selected.moved = false;
    const drag = (m) => {
      selected.to = barAt(svg, m.clientX);
      selected.moved ||= selected.to !== selected.from;
      if (selected.moved) brush();
    };
    const end = () => {
      removeEventListener("pointermove", drag);
      removeEventListener("pointerup", end);
      if (selected.moved) openSelection();
      else selected.from = -1;
    };
    addEventListener("pointermove", drag);
    addEventListener("pointerup", end);
  });
  document.addEventListener("dragstart", (e) => { if (e.target.closest("#histogram")) e.preventDefault(); });
  document.addEventListener("click", (e) => { if (selected.moved && e.target.closest("#histogram a")) e.preventDefault(); }, true);

  document.addEventListener("keydown", (e) => {
    const bar = e.target.closest && e.target.closest("#histogram a[data-from]");
    if (!bar || e.ctrlKey || e.metaKey || e.altKey) return;
    const all = bars(), at = all.indexOf(bar);
    const steps = {ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1};
    if (e.key in steps) {
      e.preventDefault();
      const to = Math.min(all.length - 1, Math.max(0, steps[e.key]));
      if (e.shiftKey) {
        if (selected.from < 0) selected.from = at;
        selected.to = to;
        window.tripod.say(all[Math.min(selected.from, to)].dataset.from + " to " + all[Math.max(selected.from, to)].dataset.to + " selected");
      } else {
        selected.from = -1;
      }
      all.forEach((a, i) => { a.tabIndex = i === to ? 0 : -1; });
      all[to].focus();
      brush();
    } else if (e.key === "Enter" && selected.from >= 0) {
      e.preventDefault();
      openSelection();
    } else if (e.key === "Escape" && selected.from >= 0) {
      e.preventDefault();
      selected.from = -1;
      brush();
    }
  });

  // Saved queries live in this browser: nothing on the server keeps what somebody looks for, but the record that they did.
  const store = "tripod.queries";
  const saved = () => {
    try {
      const list = JSON.parse(localStorage.getItem(store) || "[]");
      return Array.isArray(list) ? list.filter((q) => typeof q.name === "string" && typeof q.text === "string") : [];
    } catch {
      return [];
    }
  };
  const keep = (list) => {
    try {
      localStorage.setItem(store, JSON.stringify(list));
    } catch {
      window.tripod.say("This browser keeps nothing for this page.");
    }
    listSaved();
  };
  const listSaved = () => {
    const ul = $("named");
    if (!ul) return;
    const items = saved().map((q) => {
      const li = document.createElement("li"), a = document.createElement("a"), x = document.createElement("button");
      a.href = "/activity?q=" + encodeURIComponent(q.text);
      a.textContent = q.name;
      a.title = q.text;
      x.type = "button";
      x.className = "copy";
      x.textContent = "×";
      x.setAttribute("aria-label", "Forget " + q.name);
      x.addEventListener("click", () => keep(saved().filter((o) => o.name !== q.name)));
      li.append(a, x);
      return li;
    });
    if (items.length === 0) {
      const li = document.createElement("li");
      li.className = "note";
      li.textContent = ul.dataset.empty;
      items.push(li);
    }
    ul.replaceChildren(...items);
  };

  document.addEventListener("DOMContentLoaded", () => {
    rove();
    listSaved();
    follow();
    const form = $("name-it");
    if (form) form.addEventListener("submit", (e) => {
      e.preventDefault();
      const name = $("query-name").value.trim();
      if (!name) return;
      keep([...saved().filter((q) => q.name !== name), {name, text: $("q").value}].slice(-50));
      form.reset();
      window.tripod.say("Saved");
    });
  });
  document.addEventListener("htmx:afterSettle", rove);
})();
