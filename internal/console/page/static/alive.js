// What a page left open must not hide: that nobody answers any more, and that what it shows grows old.
"use strict";
(() => {
  const PING = 15000, PATIENCE = 8000; // ms
  const polls = (el) => /(^|,)\s*every /.test(el.getAttribute?.("hx-trigger") || "");
  const signedIn = () => document.querySelector("body[data-signed-in]");
  let answered = 0; // ms, by the clock of the server

  const heard = (date) => {
    const at = Date.parse(date || "");
    answered = isNaN(at) ? Date.now() : at;
    document.documentElement.classList.remove("stale");
    document.getElementById("no-answer")?.remove();
  };

  const missed = (status) => {
    if (document.getElementById("no-answer")) return;
    const banner = document.createElement("p"), when = document.createElement("time");
    const at = new Date(answered);
    when.dateTime = at.toISOString();
    when.textContent = (Date.now() - answered > 12 * 3600e3 ? when.dateTime.slice(0, 10) + " " : "") + when.dateTime.slice(11, 19);
    banner.id = "no-answer";
    banner.setAttribute("role", "alert");
    banner.append(status ? "No good answer (" + status + ") since " : "No answer since ", when, " UTC; what stands here is old.");
    document.documentElement.classList.add("stale");
    document.querySelector("header.bar").after(banner);
  };

  // A poll that is refused leaves standing what it would have renewed, and goes on asking.
  document.addEventListener("htmx:beforeSwap", (e) => {
    if (e.detail.xhr.status >= 400 && polls(e.detail.requestConfig.elt)) e.detail.shouldSwap = false;
  });
  document.addEventListener("htmx:afterRequest", (e) => {
    const {xhr, requestConfig} = e.detail;
    if (xhr.status >= 200 && xhr.status < 400) heard(xhr.getResponseHeader("Date"));
    else if (xhr.status === 0 || polls(requestConfig.elt)) missed(xhr.status);
  });

  const ping = async () => {
    try {
      const answer = await fetch(document.querySelector('link[rel="icon"]').href, {method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(PATIENCE)});
      if (answer.ok) heard(answer.headers.get("Date"));
      else missed(answer.status);
    } catch {
      missed(0);
    }
  };
  const ask = () => {
    if ([...document.querySelectorAll("[hx-trigger]")].some(polls)) document.body.dispatchEvent(new Event("tripod:ask"));
    else ping();
  };

  // Relative times go on in the browser. The text is as the server would write it.
  const pair = (a, unitA, b, unitB) => a + " " + unitA + (b ? " " + b + " " + unitB : "");
  const ago = (ms) => {
    const s = Math.floor(ms / 1000), min = Math.floor(s / 60), h = Math.floor(min / 60);
    if (s < 1) return "now";
    if (s < 60) return s + " s ago";
    if (min < 60) return pair(min, "min", s % 60, "s") + " ago";
    if (h < 24) return pair(h, "h", min % 60, "min") + " ago";
    return pair(Math.floor(h / 24), "d", h % 24, "h") + " ago";
  };
  const age = () => {
    const now = Date.now();
    for (const el of document.querySelectorAll("[data-age]")) {
      el.dataset.seen ||= now;
      const text = ago(Number(el.dataset.age) + now - Number(el.dataset.seen));
      if (el.textContent !== text) el.textContent = text;
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    age();
    if (!signedIn()) return;
    answered = Date.parse(document.querySelector(".foot time")?.dateTime || "") || Date.now();
    setInterval(age, 1000);
    setInterval(() => { if (![...document.querySelectorAll("[hx-trigger]")].some(polls)) ping(); }, PING);
    addEventListener("online", ask);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
  });
  document.addEventListener("htmx:load", age);
  window.tripod.ask = ask;
})();
