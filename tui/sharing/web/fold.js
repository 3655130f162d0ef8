"use strict";
// What is known after some events of a run, for the page: the same fold as tui/state/snapshot.py, with the same kinds of moves and
// the same numbers; both are held to one golden file.
const Fold = (() => {
  const WHOLE = "whole archive", SHORT = 152;
  const KINDS = new Set(["run_began", "clock_moved", "photos_posted", "photos_scraped", "extractor_released", "defence_applied", "law_passed", "progress", "protection_measured", "search_measured", "open_set_measured", "search_forecast", "detection_measured", "verification_measured", "pictures_shown", "asked", "counted", "answered", "note", "run_ended", "run_failed"]);
  const MOVES = new Set(["photos_posted", "photos_scraped", "extractor_released", "defence_applied", "law_passed", "detection_measured", "search_measured", "open_set_measured", "search_forecast", "verification_measured"]);
  const VERBS = { adapt: "adapts", detect: "detects", purify: "purifies", "learned-purifier": "purifies", subtract: "subtracts", combine: "combines", "best-of": "chooses", rescan: "rescans", gallery: "searches" };
  const finite = (value) => typeof value === "number" && Number.isFinite(value);
  const has = (object, key) => Object.prototype.hasOwnProperty.call(object, key);
  // Halves to the even digit, as everywhere else in the tool: 12.5 is 12, 6.25 is 6.2.
  const even = (x) => { const low = Math.floor(x); return x - low === 0.5 ? low + (low % 2) : Math.round(x); };
  const percent = (rate) => (rate > 0 && rate < 0.0995 ? (even(1000 * rate) / 10).toFixed(1) : even(100 * rate)) + " %";

  const generation = (e) => [e.classifier && e.classifier !== "nearest" ? `${e.extractor}, ${e.classifier}` : e.extractor, ...(e.steps ?? []), e.law].filter(Boolean).join(" + ");

  // One or two words for a lane of the timeline.
  function label(e) {
    switch (e.kind) {
      case "photos_posted": return e.attack || "clean photos";
      case "photos_scraped": return "scrapes";
      case "extractor_released": return e.extractor;
      case "open_set_measured": return "may say nobody";
      case "search_forecast": return "forecast";
      case "defence_applied": return e.defence === "gallery" ? `among ${e.n_people ?? 0}` : (has(VERBS, e.defence) && VERBS[e.defence]) || e.defence;
      case "law_passed": return e.law;
      default: return e.kind.replaceAll("_", " ");
    }
  }

  // Whether an event begins a move: measurements that follow each other are one.
  function begins(e, last) {
    if (e.kind === "protection_measured") return !same(e, last);
    return MOVES.has(e.kind);
  }

  const same = (e, last) => last?.kind === "protection_measured" && (last.basis ?? "measured") === (e.basis ?? "measured") && generation(last) === generation(e) && (last.t ?? "") === (e.t ?? "");

  function point(e, slot) {
    const interval = e.interval ?? [e.protection_rate, e.protection_rate], best = e.best_protection_rate;
    if (!finite(best)) return { slot, rate: e.protection_rate, interval, kept: e.protection_rate, keptInterval: interval };
    return { slot, rate: e.protection_rate, interval, kept: best, keptInterval: e.best_interval ?? [best, best] };
  }

  function fold(events, until) {
    const s = { t: "", moves: 0, slots: [], curves: new Map(), base: [], cited: [], cells: new Map(), rows: [], columns: [], note: "", caption: "", round: [], before: [], shown: new Map(), progress: null, room: null, guesses: [] };
    let last = null;
    for (const e of events.slice(0, until + 1)) {
      if (!KINDS.has(e.kind)) continue;
      s.t = e.t || s.t;
      s.progress = e.kind === "progress" ? e : null;
      if (e.kind === "clock_moved") s.note = "";
      else if (e.kind === "note") s.note = s.caption = e.text;
      else if (e.kind === "asked" || e.kind === "counted" || e.kind === "answered") room(s, e);
      else if (e.kind === "pictures_shown") s.shown.set(e.person, e);
      else if (e.kind === "protection_measured") measured(s, e, last);
      else if (MOVES.has(e.kind)) moved(s, e);
      last = e;
    }
    return s;
  }

  // What the room is asked, how many have answered, and what it said.
  function room(s, e) {
    if (e.kind === "asked") {
      s.room = { asked: e, counts: [], answered: null };
      if (!e.options?.length) s.guesses = [];
      s.caption = asked(e);
    } else if (s.room?.asked.question === e.question) {
      if (e.counts?.length) s.room.counts = e.counts;
      if (e.kind === "counted") return;
      s.room.answered = e;
      if (e.guesses?.length) s.guesses = e.guesses.map((guess) => guess / 100);
      s.caption = answered(e);
    }
  }

  // As tui/text/sentences.py says them.
  const asked = (e) => `The room is asked: ${e.text} ${(e.options ?? []).map((option, i) => `${i + 1} ${option}`).join("; ") || "A share from 0 to 100 %."}`;
  function answered(e) {
    if (e.by === "before") return `As was answered before: ${e.answer}.`;
    if (e.by === "nobody" || e.by === "unasked") {
      const why = e.by === "nobody" ? "Nobody answered" : "Nobody was asked: there is nobody who can vote";
      return e.answer ? `${why}. It goes on with: ${e.answer}.` : `${why}.`;
    }
    if (e.guesses?.length) return `The room guesses ${e.answer}: the middle of ${e.guesses.length} guesses, ${e.guesses[0]} to ${e.guesses[e.guesses.length - 1]} %.`;
    return `The room answers: ${e.answer} (votes by option: ${(e.counts ?? []).join(", ")}).`;
  }

  function moved(s, e) {
    s.moves++;
    const lane = e.kind === "photos_scraped" ? "scrapes" : e.actor ?? "lab", place = s.slots[s.slots.length - 1];
    const t = e.t ?? "";
    if (!place || place.t !== t || place.measured || place.moves.some((move) => move[0] === lane && move[1])) s.slots.push({ t, moves: [[lane, label(e), s.moves]], measured: false });
    else place.moves.push([lane, label(e), s.moves]);
  }

  function measured(s, e, last) {
    const t = e.t ?? "", basis = e.basis ?? "measured";
    if (!same(e, last)) {
      s.moves++;
      const place = s.slots[s.slots.length - 1];
      if (!place || place.t !== t || place.measured) s.slots.push({ t, moves: [], measured: true });
      else place.measured = true;
    }
    const slot = s.slots.length - 1;
    if (basis === "cited") { s.cited.push({ slot, event: e }); return; }
    if (!same(e, last)) { s.before = s.round; s.round = []; }
    s.round.push(e);
    const column = generation(e);
    if (!s.columns.includes(column)) s.columns.push(column);
    if (!s.rows.includes(e.cohort)) s.rows.push(e.cohort);
    s.cells.set(`${e.cohort}\n${column}`, e);
    if (!s.curves.has(e.cohort)) s.curves.set(e.cohort, []);
    s.curves.get(e.cohort).push(point(e, slot));
    if (e.cohort === WHOLE && finite(e.unprotected_error)) s.base.push([slot, e.unprotected_error]);
    s.caption = outcome(s);
  }

  // A cohort without its date where its attack says enough.
  const undated = (name) => name.replace(/^\d{4}-\d\d(-\d\d)? /, "");
  const called = (name, others) => (others.filter((other) => undated(other) === undated(name)).length === 1 ? undated(name) : name);
  const briefly = (e) => percent(e.protection_rate) + (!e.interval && e.law ? " by law" : e.weakened ? " (weakened)" : "");

  // What a round of measurements found, as tui/text/sentences.py says it.
  function outcome(s) {
    const whole = s.round.find((e) => e.cohort === WHOLE), earlier = s.before.find((e) => e.cohort === WHOLE);
    if (!whole) return s.caption;
    const than = earlier ? ` (${percent(earlier.protection_rate)} before)` : "", names = s.round.map((e) => e.cohort);
    const found = `With ${generation(whole)} the trainer fails to name ${briefly(whole)} of new, clean photos of them`;
    const apart = s.round.filter((e) => e.attack && e.cohort !== WHOLE), fresh = (e) => s.curves.get(e.cohort).length === 1;
    const hiding = apart.length > 1 ? apart.filter((e) => fresh(e) || (e.interval && e.interval[0] > 0.5)) : [];
    const most = hiding.sort((a, b) => fresh(b) - fresh(a) || b.protection_rate - a.protection_rate).slice(0, 2), name = (e) => called(e.cohort, names);
    const parts = most.map((e, i) => (i ? `only ${name(e)}'s, on ${briefly(e)}` : `${name(e)}'s photos, it would ${fresh(e) ? "" : "still "}fail on ${briefly(e)}`));
    const alone = parts.length ? parts.map((_, i) => ` Had it only ${parts.slice(0, parts.length - i).join("; ")}.`) : [""];
    const sayings = alone.flatMap((more) => [`${found}${than}.${more}`, `${found}.${more}`]);
    return sayings.find((said) => said.length <= SHORT) ?? sayings[sayings.length - 1];
  }

  // The measurement of a cohort under the model before it, which need not be the next one to the left.
  function before(s, row, column) {
    const found = s.columns.slice(0, s.columns.indexOf(column)).map((name) => s.cells.get(`${row}\n${name}`)).filter(Boolean);
    return found[found.length - 1];
  }

  // As plain values, so that both can be compared.
  function plain(events, until) {
    const s = fold(events, until), rows = [...s.rows.filter((name) => name !== WHOLE), ...s.rows.filter((name) => name === WHOLE)];
    return {
      t: s.t, moves: s.moves, note: s.note, told: s.round.some((e) => e.cohort === WHOLE) ? outcome(s) : "",
      slots: s.slots.map((slot) => ({ t: slot.t, moves: slot.moves, measured: slot.measured })),
      curves: [...s.curves].map(([name, points]) => [name, points.map((p) => [p.slot, p.rate, ...p.interval, p.kept, ...p.keptInterval])]),
      unprotected: s.base,
      cited: s.cited.map((c) => [c.slot, c.event.protection_rate, c.event.source ?? ""]),
      rows, columns: s.columns,
      cells: rows.flatMap((row) => s.columns.filter((column) => s.cells.has(`${row}\n${column}`)).map((column) => {
        const e = s.cells.get(`${row}\n${column}`), earlier = before(s, row, column);
        return [row, column, percent(e.protection_rate), Boolean(earlier && e.protection_rate > earlier.protection_rate)];
      })),
    };
  }

  return { WHOLE, KINDS, MOVES, fold, plain, before, begins, called, percent, finite };
})();
if (typeof module !== "undefined") module.exports = Fold;
