// The session page: replay along the axis, and records in the panel beside. Without it every record is a link.
"use strict";
(() => {
  const panel = document.getElementById("panel");
  const beside = document.querySelector(".beside");
  const svg = document.querySelector(".drawing svg.lanes");
  if (!panel || !svg) return;
  const cursor = svg.querySelector(".cursor");
  const said = document.getElementById("replay-said");
  const readout = document.querySelector(".readout");
  const buttons = document.querySelector(".replay");
  const play = buttons.querySelector('[data-replay="play"]');
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  // The records of this page in the order they occurred; those of one moment in the order of the list.
  const records = [...document.querySelectorAll("#turns [data-seq][data-at]")]
    .map((el, i) => ({el, i, at: Number(el.dataset.at), seq: el.dataset.seq}))
    .sort((a, b) => a.at - b.at || a.i - b.i);
  const marks = new Map();
  for (const m of svg.querySelectorAll("[data-seq]")) marks.set(m.dataset.seq, m);
  let now = -1, timer = 0, opener = null;

  // unfold opens what an element is folded into.
  const unfold = (el) => {
    const fold = el.closest("details");
    if (fold) fold.open = true;
  };

  const show = (i) => {
    if (!records.length) return;
    now = Math.max(0, Math.min(i, records.length - 1));
    for (const el of document.querySelectorAll(".session .now")) el.classList.remove("now");
    const r = records[now];
    unfold(r.el);
    const x = (100 * r.at).toFixed(3) + "%";
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    cursor.classList.remove("off");
    marks.get(r.seq)?.classList.add("now");
    r.el.classList.add("now");
    r.el.closest(".step").classList.add("now");
    r.el.closest(".step").scrollIntoView({block: "nearest", behavior: still.matches ? "instant" : "smooth"});
    const text = "Record " + (now + 1) + " of " + records.length + ": " + r.el.dataset.said;
    said.textContent = text;
    readout.textContent = text;
    readout.hidden = false;
  };

  // While it plays, the picture and Pause stay in view; what lies below makes room.
  const axis = document.querySelector(".axis.card"), page = document.querySelector(".session");
  const stick = (on) => {
    page.classList.toggle("replaying", on);
    const root = document.documentElement.style;
    root.setProperty("--under", on ? axis.offsetHeight + "px" : "0px");
    root.scrollPaddingTop = on ? axis.offsetHeight + 52 + "px" : "";
  };
  addEventListener("resize", () => { if (page.classList.contains("replaying")) stick(true); });

  const pause = () => {
    clearInterval(timer);
    timer = 0;
    play.firstElementChild.textContent = "Play";
    said.setAttribute("aria-live", "polite");
  };
  const start = () => {
    if (now >= records.length - 1) now = -1;
    play.firstElementChild.textContent = "Pause";
    stick(true);
    const tick = () => now < records.length - 1 ? show(now + 1) : pause();
    timer = setInterval(tick, Math.max(120, Math.min(900, 30000 / records.length)));
    if (records.length > 40) said.setAttribute("aria-live", "off"); // too fast to be read out
    tick();
  };
  const acts = {
    play: () => timer ? pause() : start(),
    first: () => { pause(); show(0); },
    last: () => { pause(); show(records.length - 1); },
    back: () => { pause(); show(now < 0 ? records.length - 1 : now - 1); },
    on: () => { pause(); show(now + 1); },
  };
  if (records.length) buttons.hidden = false;
  buttons.addEventListener("click", (e) => acts[e.target.closest("[data-replay]")?.dataset.replay]?.());

  const open = async (href, from) => {
    opener = from || document.activeElement;
    let answer;
    try {
      answer = await fetch(href, {headers: {"HX-Request": "true"}});
    } catch {
      return location.assign(href);
    }
    if (answer.status === 401) return location.assign(href);
    const made = new DOMParser().parseFromString(await answer.text(), "text/html"); // which runs no script
    panel.replaceChildren(...made.body.childNodes);
    beside.classList.add("open");
    document.dispatchEvent(new CustomEvent("htmx:load", {detail: {elt: panel}}));
    panel.querySelector("h2")?.focus();
    beside.scrollTop = 0;
  };
  const close = () => {
    if (!timer) stick(false);
    if (!beside.classList.contains("open")) return;
    beside.classList.remove("open");
    panel.replaceChildren();
    opener?.focus?.();
  };

  // What is folded away is one stop of j and k, its summary.
  const move = (by) => {
    const stops = [...document.querySelectorAll("#turns .step[tabindex], #turns summary")]
      .filter((el) => el.matches("summary") || !el.closest("details:not([open])"));
    const at = stops.indexOf(document.activeElement?.closest(".step, summary"));
    const next = stops[Math.max(0, Math.min(stops.length - 1, at + by))];
    next?.focus();
    next?.scrollIntoView({block: "nearest"});
  };

  // go makes a step the current one: the cursor stands at the record that says most of it.
  const go = (step) => {
    unfold(step);
    const own = records.filter((r) => step.contains(r.el));
    const r = own.find((r) => "#" + r.el.id === location.hash) || own.find((r) => r.el.getAttribute("href") === step.dataset.href) || own[0];
    if (r) show(records.indexOf(r));
    step.focus({preventScroll: true});
    step.scrollIntoView({block: "center", behavior: "instant"});
  };

  // bad goes to the next or previous step that was denied or failed, on this page or another.
  const turns = document.getElementById("turns");
  const bad = (by) => {
    pause();
    const list = [...turns.querySelectorAll(".step.bad")];
    const here = document.activeElement?.closest("#turns .step") || turns.querySelector(".step.now");
    const before = (a, b) => Boolean(a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING);
    const next = by > 0 ? list.find((el) => !here || before(here, el)) : here && list.findLast((el) => before(el, here));
    const page = by > 0 ? turns.dataset.badBehind : turns.dataset.badBefore;
    if (next) go(next);
    else if (page) location.assign(page);
    else tripod.say(list.length ? "No " + (by > 0 ? "further" : "earlier") + " step was denied or failed" : "No step was denied or failed");
  };

  // A link to a step makes it the current one.
  const follow = () => {
    if (!/^#(step|record|dsc)[-_]\w+$/.test(location.hash)) return;
    const step = document.getElementById(location.hash.slice(1))?.closest(".step");
    if (step) go(step);
  };
  addEventListener("hashchange", follow);
  follow();

  // Paper shows all; afterwards everything is as it was.
  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll("details.fold:not([open])")];
    for (const fold of unfolded) fold.open = true;
  });
  addEventListener("afterprint", () => {
    for (const fold of unfolded) fold.open = false;
    unfolded = [];
  });

  document.addEventListener("click", (e) => {
    if (e.target.closest("[data-close]")) return close();
    if (e.ctrlKey || e.metaKey || e.shiftKey || e.button) return;
    const pennant = e.target.closest("svg .pennant[data-href]");
    if (pennant) return location.assign(pennant.dataset.href);
    const again = e.target.closest('#turns a[href^="#step-"], .figures a[href^="#step-"]');
    if (again && again.hash === location.hash) return follow();
    const other = e.target.closest("#turns a[data-open]");
    const mark = e.target.closest("svg [data-seq]");
    const chip = e.target.closest("#turns a.chip");
    const seq = (mark || chip)?.dataset.seq || other?.dataset.open;
    if (!seq) return;
    e.preventDefault();
    const i = records.findIndex((r) => r.seq === seq);
    if (i >= 0) show(i);
    open("/record/" + seq, chip || other || records[i]?.el);
  });

  document.addEventListener("keydown", (e) => {
    if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || tripod.typing(e.target) || document.querySelector("dialog[open]")) return;
    const busy = e.target.closest("button, summary, a, [tabindex='0']");
    const keys = {ArrowLeft: acts.back, ArrowRight: acts.on, Home: acts.first, End: acts.last, j: () => move(1), k: () => move(-1), n: () => bad(1), N: () => bad(-1), Escape: close};
    if (e.key === " " && !e.target.closest("button, summary")) acts.play();
    else if (e.key === "Enter" && !busy) {
      const step = e.target.closest(".step[data-href]");
      if (step) open(step.dataset.href, step);
      else if (now >= 0) open("/record/" + records[now].seq, records[now].el);
      else return;
    } else if (e.key === "o" && e.target.closest(".step[data-href]")) location.assign(e.target.closest(".step").dataset.href);
    else if (keys[e.key] && !(e.target.closest("pre") && e.key.startsWith("Arrow"))) keys[e.key]();
    else return;
    e.preventDefault();
  });
})();
