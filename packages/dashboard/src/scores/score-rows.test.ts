import { describe, expect, it } from "vitest";
import { exampleScores } from "../status.fixture.ts";
import { scoreRows } from "./score-rows.ts";

describe("the rows of the accuracy table", () => {
  it("are the states, and the rules on the deployed one's samples", () => {
    const rows = scoreRows(exampleScores()).map(({ kind, window, cumulative }) => ({
      [kind]: [window, cumulative],
    }));
    expect(rows).toEqual([
      { trained: [0.97, 0.95] },
      { deployed: [0.96, 0.94] },
      { frozen: [0.11, 0.1] },
      { noChange: [0.12, 0.13] },
      { majority: [0.14, 0.15] },
    ]);
  });

  it("are fewer where the frozen state is not evaluated", () => {
    const kinds = scoreRows({ ...exampleScores(), frozen: null }).map(({ kind }) => kind);
    expect(kinds).toEqual(["trained", "deployed", "noChange", "majority"]);
  });
});
