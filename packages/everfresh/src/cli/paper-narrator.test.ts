import { describe, expect, it } from "vitest";
import { PaperNarrator } from "./paper-narrator.ts";
import type { Terminal } from "./terminal.ts";

const PROGRESS = { seed: 2, doing: "online", rowsDone: 3, rows: 66, share: 0.125 };

/** What stands on a terminal in the end, and the lines above it. */
function shown(
  use: (narrator: PaperNarrator) => void,
  interactive = true,
  nowMs = (): number => 0,
): readonly string[] {
  const lines: string[] = [];
  const terminal: Terminal = {
    line: (text) => lines.push(text),
    progress: (text) => {
      if (interactive) lines.push(text);
    },
    style: (_style, text) => text,
    interactive,
  };
  use(new PaperNarrator(terminal, nowMs));
  return lines;
}

describe("the progress of an experiment", () => {
  it("says how much is done, how long the rest takes, and what is being done", () => {
    expect(shown((narrator) => narrator.tell({ ...PROGRESS, secondsLeft: 600 }))).toEqual([
      "12.50 %  10 min left  row 4 of 66  seed 2: online",
    ]);
  });

  it.each([
    [null, /12.50 % {2}row/],
    [12.2, /13 s left/],
    [600.5, /11 min left/],
    [2 * 3_600 + 90, /2 h 2 min left/],
  ])("tells %j seconds as people do", (secondsLeft, expected) => {
    expect(shown((narrator) => narrator.tell({ ...PROGRESS, secondsLeft }))[0]).toMatch(expected);
  });

  it("is a line per minute where nobody watches", () => {
    let nowMs = 0;
    const tellFor = (seconds: number) => (narrator: PaperNarrator) => {
      for (; nowMs < 1_000 * seconds; nowMs += 1_000) {
        narrator.tell({ ...PROGRESS, secondsLeft: 600 - nowMs / 1_000 });
      }
    };
    expect(shown(tellFor(150), false, () => nowMs)).toEqual([
      "12.50 %  9 min left  row 4 of 66  seed 2: online",
      "12.50 %  8 min left  row 4 of 66  seed 2: online",
    ]);
  });

  it("is quiet for the first minute where nobody watches, but for what must be known of the results", () => {
    const lines = shown((narrator) => {
      narrator.tell({ ...PROGRESS, secondsLeft: 600 });
      narrator.note("generated digits");
      narrator.conclude("folder");
    }, false);
    expect(lines).toEqual(["note generated digits"]);
  });

  it("does not redraw faster than a person reads", () => {
    const lines = shown((narrator) => {
      for (let i = 0; i < 50; i++) narrator.tell({ ...PROGRESS, secondsLeft: i });
    });
    expect(lines).toHaveLength(1);
  });
});
