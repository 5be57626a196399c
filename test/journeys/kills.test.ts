/** The program, killed at random moments, beside one that is left alone; `bench kills` kills more often. */
import path from "node:path";
import { Random } from "@everfresh/core";
import { expect, it } from "vitest";
import { killedRun, WAYS } from "../../bench/kills/killed-run.ts";
import { temporaryFolder } from "./program.ts";

/** Kills here; each start of the program takes a second or two. */
const KILLS = 3;
/** A quarter of the bench's steps, but enough to be killed between the first and the last. */
const SHORTER = 4;
const STEPS_MIN = 10;

it.each(WAYS)("goes on bit for bit after kill -9 at any moment: $name", async (way) => {
  using folder = temporaryFolder();
  const short = { ...way, steps: Math.max(STEPS_MIN, way.steps / SHORTER) };
  const random = new Random(3);
  const killed = await killedRun(short, path.join(folder.path, "a"), { kills: KILLS, random });
  const whole = await killedRun(short, path.join(folder.path, "b"), { kills: 0, random });
  expect(killed).toEqual(whole);
  expect(killed.steps).toBe(short.steps);
  expect((killed.drift?.records ?? 0) > 0).toBe(way.turnedFrom !== null);
});
