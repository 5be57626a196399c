import { expect, it } from "vitest";
import { start, summaryOf, temporaryFolder } from "./program.ts";

it("goes on after kill -9 as if nothing had happened, and the replica follows", async () => {
  using killed = temporaryFolder();
  using whole = temporaryFolder();
  const args = ["run", "--steps", "150", "--seed", "3", "--state"];

  const first = start([...args, killed.path, "--port", "0", "--rate", "200"]);
  const [, feed = "", port = ""] = await first.shows(/(ws:\/\/127\.0\.0\.1:(\d+)\/\S+)/);
  const replica = start(["replica", feed, "--json"]);
  const replicaVersion = async (): Promise<number> => {
    const response = await fetch(feed.replace("ws:", "http:"));
    const status = (await response.json()) as { replicas: { version: number }[] };
    return status.replicas[0]?.version ?? 0;
  };
  await expect.poll(replicaVersion, { timeout: 30_000 }).toBeGreaterThanOrEqual(60);
  first.child.kill("SIGKILL");
  await first.ended;

  const second = start([...args, killed.path, "--port", port, "--json", "--rate", "200"]);
  await second.shows(/resumed at version \d+/);
  const { status, stdout, stderr } = await second.ended;
  expect(status, stderr).toBe(0);
  const summary = JSON.parse(stdout) as { version: number; steps: number; fingerprint: string };
  expect(summary).toMatchObject({ version: 150, steps: 150 });

  await replica.shows(/version 150\b/);
  replica.child.kill("SIGINT");
  const replicaEnd = await replica.ended;
  expect(JSON.parse(replicaEnd.stdout)).toMatchObject({
    version: 150,
    fingerprint: summary.fingerprint,
  });

  const unkilled = await summaryOf([...args, whole.path, "--port", "0"]);
  expect(unkilled.fingerprint).toBe(summary.fingerprint);
});
