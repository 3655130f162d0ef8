"use strict";
// What each actor did, under the chart: a mark each, with its words where they fit beside it, else with the number of the
// move, by which the list below has the words; where marks stand so close that not even numbers fit, a dot, and the list.
const Lanes = (() => {
  const MARKS = { users: "▲", friends: "○", trainer: "■", law: "◆", lab: "·" };
  const ACTORS = ["users", "friends", "trainer", "law"];
  const ROW = 24, GAP = 5;
  const pen = document.createElement("canvas").getContext("2d");
  const wide = (text) => { pen.font = "15px system-ui, sans-serif"; return pen.measureText(text).width; };
  const actorOf = (lane) => (lane === "scrapes" ? "trainer" : lane);

  // The moves of one actor, one a place: a scrape counts only where the trainer did nothing else.
  function marks(s, actor) {
    return s.slots.flatMap((slot, place) => {
      const its = slot.moves.filter((move) => actorOf(move[0]) === actor && move[1]);
      const most = its.find((move) => move[0] !== "scrapes") ?? its[0];
      return most ? [{ place, actor, words: most[1], number: most[2], scrape: most[0] === "scrapes" }] : [];
    });
  }

  const present = (s) => ACTORS.filter((actor) => marks(s, actor).length);

  // Draws the lanes and returns the marks whose words must stand in the list.
  function draw(s, { svg, text, clean, x, top, end }) {
    const listed = [];
    present(s).forEach((actor, row) => {
      const y = top + ROW * row, its = marks(s, actor);
      svg.append(text(0, y, "dim", actor));
      its.forEach((mark, i) => {
        const at = x(mark.place), begin = at + wide(MARKS[actor]) + 2, words = clean(mark.words);
        const room = (i + 1 < its.length ? x(its[i + 1].place) - GAP : end) - begin;
        const said = [words, String(mark.number)].find((one) => wide(one) <= room);
        const drawn = text(at, y, `mark ${actor}`, said === undefined ? "·" : MARKS[actor]);
        drawn.append(text(0, 0, "", `${actor}: ${words}`, "title"));
        svg.append(drawn);
        if (said !== undefined) svg.append(text(begin, y, said === words ? "dim words" : `number ${actor}`, said));
        if (said !== words) listed.push({ ...mark, words, mark: MARKS[actor] });
      });
    });
    return listed.sort((a, b) => a.number - b.number);
  }

  // The list: number by number; scrapes, which are all alike, in one entry at its end.
  function list(listed, make) {
    const made = make("ul", { class: "moves", "aria-label": "moves by number" });
    const entry = (those, words) => {
      const item = make("li");
      for (const one of those) item.append(make("span", { class: one.actor }, `${one.mark}${one.number}`), " ");
      item.append(make("span", {}, words));
      made.append(item);
    };
    for (const one of listed.filter((mark) => !mark.scrape)) entry([one], one.words);
    const scrapes = listed.filter((mark) => mark.scrape);
    if (scrapes.length) entry(scrapes, "scrapes");
    return listed.length ? [made] : [];
  }

  return { ROW, MARKS, present, draw, list, wide };
})();
