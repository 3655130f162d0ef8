"use strict";
// What the room is asked, and voting on it: buttons with their counts, or a guess; only where the presenter takes votes.
const Room = (() => {
  const PATIENCE = 10000, PER_GUESS = 2;
  let version = 0, now = null, shown = "", made = null, mine = {};

  // What an answer of the presenter's side says: a number that grows, and the open question with seconds left and counts.
  function heard(votes, question) {
    version = Number(votes ?? 0) || 0;
    const said = /^(.{1,20}) (-?[\d.]{1,9}) ([\d,]{1,99})$/.exec(question ?? "");
    now = said && { id: said[1], until: performance.now() + 1000 * Number(said[2]), counts: said[3].split(",").map(Number) };
  }

  // The words of the open question: of the run's own, else of a cue's.
  function asked(events, cues) {
    if (!now) return null;
    const own = events.findLast((e) => e.kind === "asked" && e.question === now.id) ?? cues.findLast((c) => c.question === now.id);
    return own && { text: own.text, options: Array.isArray(own.options) ? own.options.slice(0, 9) : [] };
  }

  function show(box, events, cues, make) {
    const question = asked(events, cues);
    box.hidden = !question;
    if (!question) { shown = ""; return; }
    if (shown !== now.id) { shown = now.id; made = build(box, question, make); }
    const most = Math.max(1, ...now.counts), all = now.counts.reduce((a, b) => a + b, 0);
    made.bars.forEach((bar, i) => { bar.meter.max = most; bar.meter.value = now.counts[i] ?? 0; bar.count.textContent = String(now.counts[i] ?? 0); });
    made.all.textContent = `${all} ${question.options.length ? "votes" : "guesses"}`;
    tick();
  }

  function build(box, question, make) {
    const id = now.id, bars = [], all = make("span", {}), left = make("span", {}), said = make("p", { role: "status" });
    const send = (choice, words) => vote(id, choice, said, `Counted: ${words}. You may change it while the question is open.`);
    const answers = make("div", { class: "answers" });
    question.options.forEach((option, i) => {
      const button = make("button", { type: "button" }, `${i + 1} ${option}`), meter = make("meter", { min: 0, "aria-hidden": "true" }), count = make("span", { class: "count" });
      button.addEventListener("click", () => send(i + 1, option));
      answers.append(button, meter, count);
      bars.push({ meter, count });
    });
    if (!question.options.length) {
      const field = make("input", { type: "number", min: 0, max: 100, step: 1, inputmode: "numeric", "aria-label": "your guess in per cent" });
      const button = make("button", { type: "button" }, "guess");
      const go = () => { if (field.value !== "" && field.checkValidity()) send(Number(field.value), `${field.value} %`); else said.textContent = "A whole number from 0 to 100, please."; };
      button.addEventListener("click", go);
      field.addEventListener("keydown", (event) => { if (event.key === "Enter") go(); });
      answers.className = "guess";
      answers.append(field, make("span", {}, " % "), button);
    }
    const foot = make("p", { class: "dim" });
    foot.append(all, left);
    box.replaceChildren(make("h2", {}, question.text), answers, foot, said);
    said.textContent = mine[id] ?? "";
    return { bars, all, left };
  }

  async function vote(question, choice, said, done) {
    let words = "The vote did not arrive; try again.";
    try {
      const headers = { "Content-Type": "application/json", "Facetui-Vote": "1" };
      const answer = await fetch("vote", { method: "POST", headers, body: JSON.stringify({ question, choice }), signal: AbortSignal.timeout(PATIENCE) });
      words = answer.ok ? (mine[question] = done) : `Not counted: ${(await answer.text()).trim().slice(0, 200)}.`;
    } catch { /* the words say it */ }
    said.textContent = words;
  }

  function tick() {
    if (!now || !made) return;
    const left = Math.max(0, Math.round((now.until - performance.now()) / 1000));
    made.left.textContent = left ? `, ${left} s left` : ", the time is over";
  }
  setInterval(tick, 500);

  // Where guesses stand on the axis of values: those of the same two per cent beside each other.
  function places(guesses) {
    const beside = new Map();
    return guesses.map((guess) => {
      const level = Math.round((100 * guess) / PER_GUESS), n = beside.get(level) ?? 0;
      beside.set(level, n + 1);
      return { guess, n };
    });
  }

  return { heard, show, places, version: () => version };
})();
