// Cases: how long a grant still lasts, content that goes when its grant does, and the form that asks for one beside the page.
"use strict";
(() => {
  const left = (ms) => {
    const s = Math.ceil(ms / 1000), min = Math.floor(s / 60), h = Math.floor(min / 60);
    if (s < 60) return s + " s";
    if (min < 60) return min + " min";
    return h < 48 ? h + " h " + (min % 60) + " min" : Math.floor(h / 24) + " d";
  };

  // The server's clock decides; how far the browser's is from it shows at the foot of the page as it loads.
  let ahead = 0;

  const tick = () => {
    const now = Date.now() - ahead;
    for (const el of document.querySelectorAll("[data-until]")) {
      const ms = Date.parse(el.dataset.until) - now;
      let note = el.querySelector(".left");
      if (!note) {
        note = document.createElement("span");
        note.className = "left note";
        el.append(" ", note);
      }
      const text = ms > 0 ? left(ms) + " left" : "over";
      if (note.textContent !== text) note.textContent = text;
    }
    for (const el of document.querySelectorAll("[data-ends]")) {
      if (Date.parse(el.dataset.ends) > now) continue;
      const over = document.createElement("p");
      over.className = "notice";
      over.setAttribute("role", "status");
      over.textContent = "The grant is over: what it opened is no longer shown.";
      el.replaceWith(over);
    }
  };

  // The form beside the page, where a link asks for it; without this script the link opens it as a page.
  const ask = async (link) => {
    let dialog = document.getElementById("asking");
    if (!dialog) {
      dialog = document.createElement("dialog");
      dialog.id = "asking";
      dialog.className = "asking";
      dialog.setAttribute("aria-labelledby", "asking-title");
      document.body.append(dialog);
      dialog.addEventListener("close", () => { dialog.replaceChildren(); dialog.back?.focus(); });
    }
    dialog.back = link;
    await htmx.ajax("GET", link.getAttribute("href"), {target: dialog, swap: "innerHTML"});
    if (!dialog.open) dialog.showModal();
    dialog.querySelector("select, input:not([type=hidden]), textarea, a")?.focus();
  };

  document.addEventListener("click", (e) => {
    const link = e.target.closest("a[data-asks]");
    if (link && !e.ctrlKey && !e.metaKey && !e.shiftKey && e.button === 0) {
      e.preventDefault();
      ask(link);
    } else if (e.target.closest("[data-close-asking]")) {
      e.target.closest("dialog")?.close();
    }
  });

  document.addEventListener("DOMContentLoaded", () => {
    const served = Date.parse(document.querySelector(".foot time")?.dateTime || "");
    if (!isNaN(served)) ahead = Date.now() - served;
    tick();
    setInterval(tick, 1000);
  });
  document.addEventListener("htmx:load", tick);
  // A page that comes back from the browser's memory may hold what has ended meanwhile.
  addEventListener("pageshow", (e) => { if (e.persisted) tick(); });
})();
