import { expect, it } from "vitest";
import { start, temporaryFolder } from "./program.ts";

it.each([
  ["a WebSocket", []],
  ["plain HTTP", ["--poll"]],
])("a replica over %s starts from its own files when the trainer is gone", async (_, options) => {
  using trainerState = temporaryFolder();
  using replicaState = temporaryFolder();
  const trainer = start(["run", "--rate", "400", "--port", "0", "--state", trainerState.path]);
  const [feed = ""] = await trainer.shows(/ws:\/\/127\.0\.0\.1:\d+\/\S+/);
  await trainer.shows(/ready at version/);
  const args = ["replica", feed, "--json", "--state", replicaState.path, ...options];
  const first = await start([...args, "--steps", "30"]).ended;
  expect(first.status, first.stderr).toBe(0);
  const { version } = JSON.parse(first.stdout) as { version: number };
  trainer.child.kill("SIGKILL");
  await trainer.ended;

  const second = start(args);
  const [, at] = await second.shows(/joined digits, 10 classes, at version (\d+)/);
  expect(Number(at)).toBeGreaterThanOrEqual(version);
  second.child.kill("SIGINT");
  const { status, stdout } = await second.ended;
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ version: Number(at), snapshots: 0 });
});
