import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { decodeManifest, encodeUpdate, readUpdateHeader } from "@everfresh/sync";
import { expect, it } from "vitest";
import { frameProxy } from "./frame-proxy.ts";
import { type Program, run, start, temporaryFolder } from "./program.ts";

/** Types of messages: SPEC.md section 4. */
const MANIFEST = 16;
const UPDATE = 18;

/** A dozen processes start here; on a busy machine each takes seconds. */
const TIMEOUT_MS = 180_000;

interface ReplicaDocument {
  readonly version: number;
  readonly fingerprint: string;
  readonly rejectedUpdates: number;
  readonly lastFault: { readonly code: string } | null;
}

/**
 * Puts an update of its own in place of every `everyNth` one: right in every checksum and fingerprint,
 * but that nobody has signed. It changes nothing, and says so.
 */
function forger(everyNth: number) {
  let updates = 0;
  let forged = 0;
  let layout: ReturnType<typeof decodeManifest>["layout"] | null = null;
  return {
    forged: () => forged,
    meddle: (data: Buffer): Buffer => {
      if (data[0] === MANIFEST) ({ layout } = decodeManifest(Uint8Array.from(data.subarray(1))));
      if (data[0] !== UPDATE || layout === null || ++updates % everyNth !== 0) return data;
      forged++;
      const header = readUpdateHeader(Uint8Array.from(data.subarray(1)));
      const update = {
        ...header,
        fingerprintAfter: header.fingerprintBefore,
        valueType: "float32",
        indices: new Uint32Array(0),
        values: new Float32Array(0),
        buffers: [],
      } as const;
      return Buffer.concat([Buffer.of(UPDATE), encodeUpdate(update, { layout })]);
    },
  };
}

/** Ends a run or a replica and gives what it says. */
async function concluded(program: Program): Promise<ReplicaDocument> {
  program.child.kill("SIGINT");
  const { status, stdout, stderr } = await program.ended;
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as ReplicaDocument;
}

async function keyPair(folder: string, name: string): Promise<{ key: string; pub: string }> {
  const made = await run(["keygen", "--json", "-o", path.join(folder, name)]);
  expect(made.status, made.stderr).toBe(0);
  const pair = JSON.parse(made.stdout) as { privateKeyFile: string; publicKeyFile: string };
  return { key: pair.privateKeyFile, pub: pair.publicKeyFile };
}

it(
  "a signed run is followed by who trusts its key, and refused by who does not",
  async () => {
    using folder = temporaryFolder();
    const [own, other] = await Promise.all(
      ["own", "other"].map((name) => keyPair(folder.path, name)),
    );
    expect(statSync(own!.key).mode & 0o777).toBe(0o600);
    const again = await run(["keygen", "-o", path.join(folder.path, "own")]);
    expect(again).toMatchObject({ status: 3 });
    expect(again.stderr).toContain("EF_OUTPUT_FILE");
    expect(readFileSync(own!.pub, "utf8")).toContain("BEGIN PUBLIC KEY");

    const state = path.join(folder.path, "state");
    const args = ["run", "--rate", "400", "--port", "0", "--json", "--state", state];
    const trainer = start([...args, "--signing-key", own!.key]);
    const [feed = ""] = await trainer.shows(/ws:\/\/127\.0\.0\.1:\d+\/\S+/);
    await trainer.shows(/signing with key [0-9a-f]{8}/);
    await trainer.shows(/ready at version/);
    const { forged, meddle } = forger(20);
    using proxy = await frameProxy(feed, meddle);
    const direct = start(["replica", feed, "--trust", other!.pub, own!.pub, "--json"]);
    const polling = start(["replica", feed, "--trust", own!.pub, "--poll", "--json"]);
    const attacked = start(["replica", proxy.url, "--trust", own!.pub, "--json"]);
    const stranger = await run(["replica", feed, "--trust", other!.pub, "--json"]);
    expect(stranger.status).toBe(3);
    expect(stranger.stderr).toMatch(/EF_UPDATE_SIGNATURE.*key [0-9a-f]{8} is not trusted/);
    await Promise.all([direct, polling, attacked].map((one) => one.shows(/joined digits/)));
    await attacked.shows(/Refused: version \d+ is not signed/);
    await expect.poll(() => forged(), { timeout: 60_000 }).toBeGreaterThan(5);

    // Replicas end first: a run waits for those that are connected, and an attacked one often is not.
    const ended = await Promise.all([direct, polling, attacked].map(concluded));
    await concluded(trainer);
    for (const { version, fingerprint } of ended) {
      const show = await run(["show", `${version}`, "--json", "--state", state]);
      expect(JSON.parse(show.stdout), show.stderr).toMatchObject({ fingerprint });
    }
    expect(ended).toMatchObject([{ rejectedUpdates: 0 }, { rejectedUpdates: 0 }, {}]);
    expect(ended[2]?.rejectedUpdates).toBeGreaterThan(3);
    expect(ended[2]?.lastFault?.code).toBe("EF_UPDATE_SIGNATURE");
  },
  TIMEOUT_MS,
);

it(
  "a run that signs from now on, or by another key, is followed over its restart",
  async () => {
    using folder = temporaryFolder();
    const [first, second] = await Promise.all(["a", "b"].map((name) => keyPair(folder.path, name)));
    const state = path.join(folder.path, "state");
    const args = ["run", "--port", "0", "--json", "--state", state];
    const unsigned = await run([...args, "--steps", "60"]);
    expect(unsigned.status, unsigned.stderr).toBe(0);
    const trust = ["--trust", first!.pub, second!.pub, "--json"];
    const kept = ["--state", path.join(folder.path, "replica")];
    /** A run by this key, with a replica that follows it for a while. */
    const followed = async (key: string): Promise<readonly [ReplicaDocument, ReplicaDocument]> => {
      const trainer = start([...args, "--rate", "200", "--signing-key", key]);
      const [feed = ""] = await trainer.shows(/ws:\/\/127\.0\.0\.1:\d+\/\S+/);
      await trainer.shows(/ready at version/);
      const replica = start(["replica", feed, ...trust, ...kept]);
      const [, joinedAt] = await replica.shows(/joined digits, 10 classes, at version (\d+)/);
      await replica.shows(new RegExp(`version (?!${joinedAt}\\b)\\d+  fingerprint`));
      const end = await concluded(trainer);
      await replica.shows(new RegExp(`version ${end.version}\\b`));
      return [end, await concluded(replica)];
    };
    const [before, signed] = await followed(first!.key);
    expect(signed).toMatchObject({ fingerprint: before.fingerprint, rejectedUpdates: 0 });

    const back = await run(["rollback", "30", "--yes", "--json", "--state", state]);
    expect(back.status, back.stderr).toBe(0);
    const [after, changed] = await followed(second!.key);
    // From its own files, over the rollback that nobody has signed, to what the second key has.
    expect(changed).toMatchObject({ fingerprint: after.fingerprint, rejectedUpdates: 0 });
    expect(changed).toHaveProperty("snapshots", 0);

    const show = await run(["show", `${signed.version}`, "--json", "--state", state]);
    expect(JSON.parse(show.stdout)).toMatchObject({
      signedBy: expect.stringMatching(/^[0-9a-f]{8}$/) as string,
    });
    const out = path.join(folder.path, "model.onnx");
    const [exported, silent] = await Promise.all([
      run(["export", "--state", state, "--version", "62", "-o", out, "--json"]),
      run([...args, "--steps", "1"]),
    ]);
    expect(exported.status, exported.stderr).toBe(0);
    expect(silent.stderr).toMatch(/this run signs nothing: replicas that require signatures/);
  },
  TIMEOUT_MS,
);
