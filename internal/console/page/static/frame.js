// What every page does: local time on hover, copying, the keys that move between pages. Pages work without it.
"use strict";
(() => {
  const typing = (el) => el.closest("input, textarea, select, [contenteditable]") !== null;

  const localTimes = (root) => {
    for (const el of root.querySelectorAll("time[datetime]:not([data-local])")) {
      const at = new Date(el.dateTime);
      if (isNaN(at)) continue;
      el.dataset.local = "";
      const local = at.toLocaleString(undefined, {dateStyle: "medium", timeStyle: "long"});
      el.title += "\n" + local + " here";
    }
  };

  const copy = async (button) => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      return; // without permission the text can still be selected
    }
    button.classList.add("done");
    say("Copied");
    setTimeout(() => button.classList.remove("done"), 2000);
  };

  // say announces a change that is seen but not focused.
  const say = (text) => {
    let live = document.getElementById("live");
    if (!live) {
      live = document.createElement("div");
      live.id = "live";
      live.className = "hidden";
      live.setAttribute("role", "status");
      document.body.append(live);
    }
    live.textContent = text;
  };

  const focusQuery = () => {
    const q = document.getElementById("q");
    if (!q) {
      leaving = true; // what is typed now is meant for the query
      return location.assign("/activity#q");
    }
    q.focus();
    q.setSelectionRange(q.value.length, q.value.length);
  };

  let leaving = false;
  addEventListener("pageshow", () => { leaving = false; });
  const places = {o: "/", a: "/activity", n: "/organisation", c: "/cases", h: "/health"};
  let going = 0; // when g was pressed

  document.addEventListener("keydown", (e) => {
    if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey) return;
    if (leaving) return e.preventDefault();
    if (typing(e.target)) {
      if (e.key === "Escape") e.target.blur();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    const now = Date.now();
    if (now - going < 1500 && places[e.key]) {
      e.preventDefault();
      location.assign(places[e.key]);
      return;
    }
    going = e.key === "g" ? now : 0;
    if (e.key === "/") {
      e.preventDefault();
      focusQuery();
    } else if (e.key === "?") {
      e.preventDefault();
      document.getElementById("keys").showModal();
    }
  });

  document.addEventListener("click", (e) => {
    const button = e.target.closest("[data-copy]");
    if (button) copy(button);
    if (e.target.closest("[data-keys]")) document.getElementById("keys").showModal();
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(e.target)) menu.open = false;
    }
  });

  // On a narrow screen the navigation scrolls: the page one is on is in sight.
  document.addEventListener("DOMContentLoaded", () => document.querySelector(".bar nav [aria-current]")?.scrollIntoView({block: "nearest", inline: "center"}));

  // Who pressed / on another page goes on typing here.
  if (location.hash === "#q") {
    focusQuery();
    history.replaceState(history.state, "", location.pathname + location.search);
  }

  addEventListener("beforeprint", () => {
    const printed = document.querySelector("[data-printed]");
    if (printed) printed.textContent = ", printed at " + new Date().toISOString().slice(0, 19).replace("T", " ") + " UTC";
  });

  document.addEventListener("DOMContentLoaded", () => localTimes(document));
  document.addEventListener("htmx:load", (e) => localTimes(e.target));
  window.tripod = {say, typing};
})();
