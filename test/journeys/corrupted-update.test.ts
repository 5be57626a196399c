import { expect, it } from "vitest";
import { frameProxy } from "./frame-proxy.ts";
import { start, temporaryFolder } from "./program.ts";

/** Flips one bit in every `everyNth` frame of more than 100 bytes. */
function corrupter(everyNth: number) {
  let frames = 0;
  let corrupted = 0;
  return {
    corrupted: () => corrupted,
    meddle: (data: Buffer): Buffer => {
      const frame = Buffer.from(data);
      // Let the first frames (manifest and snapshot) through.
      if (frame.byteLength > 100 && ++frames > 3 && frames % everyNth === 0) {
        const at = (frames * 7919) % (frame.byteLength - 1);
        frame[at + 1] = (frame[at + 1] ?? 0) ^ 0x10;
        corrupted++;
      }
      return frame;
    },
  };
}

it("a replica refuses corrupted updates, asks for them again and goes on to the same bits", async () => {
  using state = temporaryFolder();
  const args = ["run", "--steps", "400", "--rate", "400", "--port", "0", "--json"];
  const trainer = start([...args, "--state", state.path]);
  const [feed = ""] = await trainer.shows(/ws:\/\/127\.0\.0\.1:\d+\/\S+/);
  await trainer.shows(/ready at version/);
  const { corrupted, meddle } = corrupter(25);
  using proxy = await frameProxy(feed, meddle);
  const replica = start(["replica", proxy.url, "--json"]);
  await replica.shows(/joined digits/);
  const { status, stdout, stderr } = await trainer.ended;
  expect(status, stderr).toBe(0);
  const { fingerprint } = JSON.parse(stdout) as { fingerprint: string };
  replica.child.kill("SIGINT");
  const ended = await replica.ended;
  expect(corrupted()).toBeGreaterThan(2);
  const document = JSON.parse(ended.stdout) as Record<string, unknown>;
  expect(document).toMatchObject({ fingerprint, version: 400 });
  expect(document["rejectedUpdates"]).toBeGreaterThan(2);
  // What it missed came as updates; a snapshot only where those were corrupted too.
  expect(document["snapshots"]).toBeLessThan(Number(document["rejectedUpdates"]));
});
