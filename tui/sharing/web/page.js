"use strict";
// The page in a browser: follows a run's journal over range requests, and folds it into a chart, a table and captions.
// Text from the journal is foreign: it becomes text nodes only, never markup.
(() => {
  const NS = "http://www.w3.org/2000/svg";
  const WAIT = 10, PATIENCE = 20000, LONGEST = 1 << 20, BACK_OFF = [250, 500, 1000, 2000, 4000];
  const { WHOLE, fold, percent, finite } = Fold;
  const UNITS = { "image-steps": "steps, each on one photo" }; // as in tui/text/sentences.py
  const OVER = ["finished", "stopped", "failed", "killed"]; // as in engine/records/journal.py
  const narrow = matchMedia("(max-width: 640px)");
  const TOP = 24;

  const by = (id) => document.getElementById(id);
  const clean = (text) => String(text ?? "").slice(0, 4000).replace(/[UNSEEN]+/gu, " ").replace(/[\u{d800}-\u{dfff}]/gu, "\ufffd");
  const make = (name, attributes, text) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes ?? {})) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = clean(text);
    return node;
  };
  const draw = (name, attributes, text) => {
    const node = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = clean(text);
    return node;
  };

  let events = [], head = -1, live = true, playing = false, timer = 0, status = "", trouble = "", failed = "", cues = [];

  // --- drawing ----------------------------------------------------------------------------------------------------

  function chart(s) {
    const BOTTOM = 54 + Lanes.ROW * Lanes.present(s).length;
    const small = narrow.matches, [W, H, LEFT, RIGHT] = small ? [480, 310 + BOTTOM, 56, 12] : [1200, 410 + BOTTOM, 80, 250];
    const svg = draw("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", class: "live", "aria-labelledby": "chart-title" });
    svg.append(draw("title", { id: "chart-title" }, `Share of clean photos of protected people that the trainer does not name, up to ${s.t}: ${summary(s)}`));
    const span = Math.max(1, s.slots.length - 1);
    const x = (slot) => (s.slots.length < 2 ? LEFT + 40 : LEFT + 20 + (slot * (W - LEFT - RIGHT - 40)) / span);
    const y = (rate) => TOP + (1 - Math.min(1, Math.max(0, rate))) * (H - TOP - BOTTOM);
    for (const rate of [0, 0.25, 0.5, 0.75, 1]) {
      svg.append(draw("line", { x1: LEFT, x2: W - RIGHT, y1: y(rate), y2: y(rate), class: "grid" }));
      svg.append(draw("text", { x: LEFT - 10, y: y(rate) + 5, "text-anchor": "end", class: "dim" }, `${100 * rate}%`));
    }
    svg.append(draw("text", { x: 0, y: TOP - 12, class: "dim" }, "hidden"));
    svg.append(draw("text", { x: 0, y: y(0) - 14, class: "dim" }, "found"));
    const labels = [], end = Math.max(x(s.slots.length - 1), LEFT + 40) + 16;
    const line = (points, name, kind) => {
      let path = `M${x(points[0].slot)} ${kind === "base" ? y(points[0].rate) : y(0)}`;
      for (const p of points) path += ` H${x(p.slot)} V${y(p.rate)}`;
      svg.append(draw("path", { d: `${path} H${end}`, class: kind }));
      if (kind !== "base") for (const p of points) svg.append(draw("circle", { cx: x(p.slot), cy: y(p.rate), r: 4, class: `point ${kind}` }));
      labels.push([y(points[points.length - 1].rate) + 5, name, kind]);
    };
    const whole = s.curves.get(WHOLE);
    if (whole) whole.forEach((p, i) => { // as long as the value holds
      const [low, high] = p.interval, to = i + 1 < whole.length ? x(whole[i + 1].slot) : end;
      if (!finite(low) || !finite(high)) return;
      svg.append(draw("rect", { x: x(p.slot), width: Math.max(2, to - x(p.slot)), y: y(high), height: Math.max(2, y(low) - y(high)), class: "band" }));
    });
    const base = s.base.map(([slot, rate]) => ({ slot, rate }));
    if (base.length) line(base, `· everybody else ${percent(base[base.length - 1].rate)}`, "base");
    [...s.curves.keys()].filter((name) => name !== WHOLE).forEach((name, i) => {
      const points = s.curves.get(name);
      line(points, `${Fold.called(name, [...s.curves.keys()])} ${percent(points[points.length - 1].rate)}`, `cohort c${i % 4}`);
    });
    if (whole) line(whole, `${WHOLE} ${percent(whole[whole.length - 1].rate)}`, "whole");
    for (const c of s.cited) {
      const [cx, cy] = [x(c.slot), y(c.event.protection_rate)];
      svg.append(draw("path", { d: `M${cx - 6} ${cy - 6} l12 12 m0 -12 l-12 12`, class: "cited" }));
    }
    for (const { guess, n } of Room.places(s.guesses)) svg.append(draw("circle", { cx: LEFT + 8 + 7 * n, cy: y(guess), r: 3.5, class: "guessed" }));
    labels.sort((a, b) => a[0] - b[0]);
    const legend = make("ul");
    if (small) for (const [, text, kind] of labels) {
      const item = make("li"), sample = draw("svg", { viewBox: "0 0 40 12", "aria-hidden": "true" });
      sample.append(draw("path", { d: "M0 6 H40", class: kind }));
      item.append(sample, clean(text));
      legend.append(item);
    } else {
      for (let i = 1; i < labels.length; i++) labels[i][0] = Math.max(labels[i][0], labels[i - 1][0] + 19);
      for (let i = labels.length - 1, floor = H - BOTTOM + 5; i >= 0; i--, floor -= 19) labels[i][0] = Math.min(labels[i][0], floor);
      for (const [at, text] of labels) svg.append(draw("text", { x: end + 8, y: at }, text));
    }
    let last = "", beyond = -1;
    s.slots.forEach((slot, i) => {
      const half = Lanes.wide(clean(slot.t)) / 2, middle = Math.min(x(i), W - half);
      if (slot.t === last || middle - half <= beyond) return;
      svg.append(draw("text", { x: middle, y: H - BOTTOM + 24, "text-anchor": "middle", class: "dim date" }, slot.t));
      beyond = middle + half + 6;
      last = slot.t;
    });
    const text = (at, y, kind, words, name = "text") => draw(name, name === "text" ? { x: at, y, class: kind } : {}, words);
    const listed = Lanes.draw(s, { svg, text, clean, x, top: H - BOTTOM + 52, end: W });
    return [make("figcaption", {}, "↑ Hidden: clean photos of protected people that the trainer cannot name, with the model in use. Grey: uncertain."), svg, ...Lanes.list(listed, make), legend];
  }

  function summary(s) {
    return [...s.curves].map(([name, points]) => `${name} ${percent(points[points.length - 1].rate)}`).join(", ") || "nothing measured yet";
  }

  function table(s) {
    const made = make("table");
    made.append(make("caption", { class: "dim" }, "share of clean photos not named; the trainer's models in the order in which it had them"));
    const top = make("tr");
    top.append(make("th", { scope: "col" }, "photos posted under"), ...s.columns.map((column) => make("th", { scope: "col" }, column)));
    const body = make("tbody");
    for (const row of [...s.rows.filter((name) => name !== WHOLE), ...s.rows.filter((name) => name === WHOLE)]) {
      const line = make("tr");
      line.append(make("th", { scope: "row" }, row));
      for (const column of s.columns) {
        const e = s.cells.get(`${row}\n${column}`);
        if (!e) { line.append(make("td")); continue; }
        const cell = make("td", { class: `l${Math.min(4, Math.floor((1 - e.protection_rate) * 5))}` }, percent(e.protection_rate));
        const earlier = Fold.before(s, row, column);
        if (earlier && e.protection_rate > earlier.protection_rate) cell.classList.add("rise");
        if (e.against?.length && e.attack && !e.against.includes(e.attack)) cell.classList.add("news");
        if (Array.isArray(e.interval)) cell.title = clean(`${e.n_probes} probes, 95 % interval ${percent(e.interval[0])} to ${percent(e.interval[1])}`);
        line.append(cell);
      }
      body.append(line);
    }
    const rest = make("tr");
    rest.append(make("th", { scope: "row" }, "everybody else"));
    for (const column of s.columns) {
      const e = s.cells.get(`${WHOLE}\n${column}`);
      rest.append(make("td", {}, e && finite(e.unprotected_error) ? percent(e.unprotected_error) : ""));
    }
    body.append(rest);
    const columns = make("thead");
    columns.append(top);
    made.append(columns, body);
    return made;
  }

  function faces(s) {
    return [...s.shown.values()].slice(0, 4).map((e) => {
      const made = make("div");
      const first = e.candidates?.[0]?.person ?? "nobody";
      for (const [name, words] of [[e.probe, "a clean photo"], [e.named, `named: ${first}`], [e.original, "original"], [e.posted, "as posted"]]) made.append(...photo(name, words, e.person));
      const words = make("p");
      words.append(make("strong", {}, e.person), make("br"));
      (e.candidates ?? []).slice(0, 3).forEach((c, i) => words.append(make("span", i ? { class: "dim" } : {}, `${c.person} ${Number(c.similarity).toFixed(2)}${i ? "" : c.person === e.person ? " right" : " wrong"}`), make("br"), make("meter", { min: 0, max: 1, value: Math.max(0, Math.min(1, Number(c.similarity) || 0)), "aria-label": clean(`similarity to ${c.person}`) }), make("br")));
      made.append(words);
      return made;
    });
  }

  // A picture with its label below, if it is one that a run may show; it goes where it is not published.
  function photo(name, words, person) {
    if (!/^[0-9a-f]{16}$/.test(name ?? "")) return [];
    const framed = make("figure", { class: "photo" });
    const picture = make("img", { src: `pictures/${name}.png`, alt: `${clean(person)}, ${clean(words)}`, width: 112, height: 112 });
    picture.addEventListener("error", () => framed.remove());
    framed.append(picture, make("figcaption", {}, words));
    return [framed];
  }

  // What can be watched of the task at hand: a photo as a tool changes it, or the trainer's own test.
  function watched(task) {
    if (task?.preview) return [...photo(task.preview.original, "original", task.preview.person), ...photo(task.preview.now, `now: similarity ${Number(task.preview.similarity).toFixed(2)}`, task.preview.person)];
    return finite(task?.failing) ? [make("p", {}, `The trainer's own test on other people now fails on ${percent(task.failing)}.`)] : [];
  }

  function show() {
    if (!events.length) { state(); return; }
    const s = fold(events, head), whole = fold(events, events.length - 1), began = events[0];
    if (began.kind === "run_began") {
      by("story").textContent = clean(began.scenario);
      const changes = (began.changes || []).join("; ");
      by("title").textContent = clean(began.title) + (changes && ` What if, by moves: ${clean(changes)}`);
    }
    by("chart").replaceChildren(...chart(s));
    by("table").replaceChildren(s.rows.length ? table(s) : make("p", { class: "dim" }, "nothing was measured up to here"));
    by("faces").replaceChildren(...faces(s));
    by("caption").textContent = clean(s.caption);
    by("watched").replaceChildren(...watched(s.progress));
    by("when").textContent = `${s.t ? `in the story it is ${clean(s.t)}, ` : ""}move ${s.moves} of ${whole.moves}`;
    by("now").textContent = clean(s.progress ? `${Lanes.MARKS[s.progress.actor] ?? ""} ${s.progress.task}: ${s.progress.done} of ${s.progress.total} ${Object.hasOwn(UNITS, s.progress.unit) ? UNITS[s.progress.unit] : s.progress.unit}` : ended(events[head]));
    by("notes").replaceChildren(...events.slice(0, head + 1).filter((e) => e.kind === "note").map((e) => make("li", {}, `${e.t}: ${e.text}`)));
    by("sources").replaceChildren(...s.cited.map((c) => make("li", {}, `× reported ${percent(c.event.protection_rate)} (${c.event.source})`)));
    const slider = by("slider");
    slider.max = events.length - 1;
    slider.value = head;
    slider.setAttribute("aria-valuetext", clean(`${s.t}, ${summary(s)}`));
    state();
  }

  const ended = (e) => (e?.kind === "run_ended" ? `the story is over, after ${Math.round(e.wall)} s` : e?.kind === "run_failed" ? `${e.exit_code === 130 ? "stopped" : "failed"}: ${clean(e.error)}` : "");

  function state() {
    const over = OVER.includes(status);
    const words = failed || trouble || (live && !over ? "● live" : playing ? "▶ playing" : head < events.length - 1 ? `‖ ${events.length - 1 - head} behind` : over ? `■ ${status}` : "‖ paused");
    by("state").textContent = clean(words);
    by("state").className = failed || trouble ? "bad" : live && !over ? "good" : "";
    by("play").textContent = playing ? "pause" : "play";
  }

  // --- the play head ----------------------------------------------------------------------------------------------

  const go = (to) => { head = Math.max(0, Math.min(events.length - 1, to)); live = false; show(); };
  const step = (by_) => { let to = head + by_; while (to > 0 && to < events.length - 1 && events[to].kind === "progress") to += by_; go(to); };
  const move = (by_) => { let to = head + by_; while (to > 0 && to < events.length - 1 && !Fold.begins(events[to], events[to - 1])) to += by_; go(to); };
  const first = () => { stop(); go(0); };
  const latest = () => { stop(); head = events.length - 1; live = true; show(); };
  function stop() { playing = false; clearTimeout(timer); }
  function play() {
    if (playing || live) { const was = playing; stop(); if (!was && live) live = false; show(); return; }
    playing = true;
    tick();
  }
  function tick() {
    if (!playing) return;
    if (head >= events.length - 1) { latest(); return; }
    step(1);
    playing = true;
    state();
    const e = events[head];
    timer = setTimeout(tick, e.kind === "note" ? Math.min(8000, 1000 + clean(e.text).length * 38) : 700);
  }

  const KEYS = { " ": play, "[": () => step(-1), "]": () => step(1), "{": () => move(-1), "}": () => move(1), g: first, G: latest, ArrowLeft: () => step(-1), ArrowRight: () => step(1) };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
    if (event.target.matches?.("input[type=number]")) return;
    if (event.target.matches?.("input") && event.key.startsWith("Arrow")) return;
    if (event.key === " " && event.target.matches?.("button")) return;
    event.preventDefault();
    KEYS[event.key]();
  });

  // --- following --------------------------------------------------------------------------------------------------

  async function follow() {
    let have = 0, tag = "", rest = new Uint8Array(), told = 0, failures = 0, heard = Date.now(), fresh = true;
    for (;;) {
      try {
        const headers = { Range: `bytes=${have}-`, Prefer: `wait=${WAIT}`, "Facetui-Cues": String(told), "Facetui-Votes": String(Room.version()) };
        if (tag) headers["If-Range"] = tag;
        const answer = await fetch("events.jsonl", { headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
        if (answer.status === 404) { failed = "there is no run at this address any more"; break; }
        if (![200, 204, 206, 416].includes(answer.status)) throw new Error(`answer ${answer.status}`);
        const its = answer.headers.get("ETag") ?? "";
        const total = Number((answer.headers.get("Content-Range") ?? "").split("/")[1] ?? 0);
        if ((have && its !== tag) || (answer.status === 416 && total < have)) { // begun anew, or cut off
          have = 0; tag = ""; rest = new Uint8Array(); events = []; head = -1; live = true; fresh = true;
          continue;
        }
        tag = its;
        let grew = false;
        if (answer.status === 200 || answer.status === 206) {
          const part = /^bytes (\d+)-/.exec(answer.headers.get("Content-Range") ?? "");
          const start = answer.status === 206 ? Number(part?.[1] ?? NaN) : 0;
          if (!(start <= have)) throw new Error("another part than asked for");
          const body = new Uint8Array(await answer.arrayBuffer()).subarray(have - start);
          have += body.length;
          rest = join(rest, body);
          if (rest.length > 64 * LONGEST) throw new Error("too much at once");
          for (let end; (end = rest.indexOf(10)) >= 0; rest = rest.subarray(end + 1)) {
            if (end > LONGEST) { failed = "a line of this run is too long"; break; }
            if (fresh) { fresh = false; continue; } // the journal's header
            const e = JSON.parse(new TextDecoder().decode(rest.subarray(0, end)));
            if (e.seq !== events.length) { failed = "events are missing from this run"; break; }
            events.push(e);
            grew = true;
          }
        }
        status = answer.headers.get("Facetui-Status") ?? "";
        const size = Number(answer.headers.get("Facetui-Cues") ?? 0);
        if (size !== told) { told = size; await look(); }
        Room.heard(answer.headers.get("Facetui-Votes"), answer.headers.get("Facetui-Question"));
        Room.show(by("room"), events, cues, make);
        failures = 0; heard = Date.now(); trouble = "";
        if (live) head = events.length - 1;
        if (grew && (live || head < 0)) show(); else state();
        if (failed) break;
        if (OVER.includes(status) && (answer.status === 204 || answer.status === 416 || have >= (total || have))) break;
      } catch (error) {
        trouble = error instanceof SyntaxError ? "a line of this run is damaged" : `the presenter has not answered for ${Math.round((Date.now() - heard) / 1000)} s; trying again`;
        if (error instanceof SyntaxError) { failed = trouble; break; }
        state();
        await new Promise((done) => setTimeout(done, BACK_OFF[Math.min(failures++, BACK_OFF.length - 1)]));
      }
    }
    show();
  }

  function join(one, other) {
    if (!one.length) return other;
    const both = new Uint8Array(one.length + other.length);
    both.set(one);
    both.set(other, one.length);
    return both;
  }

  async function look() {
    const answer = await fetch("cues.jsonl", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    const lines = (await answer.text()).split("\n").filter(Boolean);
    cues = lines.flatMap((line) => { try { return [JSON.parse(line)]; } catch { return []; } });
    const cue = cues[cues.length - 1], box = by("cue");
    if (!cue || !Number.isInteger(cue.at) || cue.question) return;
    const there = make("button", { type: "button" }, "go there");
    there.addEventListener("click", () => { box.hidden = true; stop(); go(cue.at); });
    box.replaceChildren(make("strong", {}, "look here "), make("span", {}, `${cue.text ?? ""} `), there);
    box.hidden = false;
  }

  narrow.addEventListener("change", show);
  by("controls").hidden = false;
  by("first").addEventListener("click", first);
  by("back").addEventListener("click", () => move(-1));
  by("play").addEventListener("click", play);
  by("on").addEventListener("click", () => move(1));
  by("latest").addEventListener("click", latest);
  by("slider").addEventListener("input", (event) => { stop(); go(Number(event.target.value)); });
  follow();
})();
