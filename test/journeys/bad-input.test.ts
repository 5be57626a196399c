import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run, summaryOf, temporaryFolder } from "./program.ts";

const IMAGES_MAGIC = 2051;
const LABELS_MAGIC = 2049;
const SAMPLES = 40;

function idxImages(magic = IMAGES_MAGIC): Buffer {
  const header = Buffer.alloc(16);
  [magic, SAMPLES, 28, 28].forEach((value, i) => header.writeUInt32BE(value, i * 4));
  return Buffer.concat([header, Buffer.alloc(SAMPLES * 784, 7)]);
}

function idxLabels(label = 3): Buffer {
  const header = Buffer.alloc(8);
  [LABELS_MAGIC, SAMPLES].forEach((value, i) => header.writeUInt32BE(value, i * 4));
  return Buffer.concat([header, Buffer.alloc(SAMPLES, label)]);
}

describe("bad input ends with one line, a code and a status", () => {
  const folder = temporaryFolder();
  afterAll(() => folder[Symbol.dispose]());
  const at = (...parts: string[]): string => path.join(folder.path, ...parts);

  function dataset(name: string, images: Buffer, labels: Buffer): string {
    mkdirSync(at(name), { recursive: true });
    for (const half of ["train", "t10k"]) {
      writeFileSync(at(name, `${half}-images-idx3-ubyte.gz`), gzipSync(images));
      writeFileSync(at(name, `${half}-labels-idx1-ubyte`), labels);
    }
    return at(name);
  }

  async function refused(args: readonly string[], status: number, code: string): Promise<string> {
    const ended = await run(args);
    const lines = ended.stderr.trimEnd().split("\n");
    const last = lines.at(-1) ?? "";
    expect(last).toMatch(new RegExp(`^error ${code}: `));
    expect(ended.status).toBe(status);
    expect(lines.filter((line) => line.includes("    at "))).toEqual([]);
    return last;
  }

  let good = "";
  beforeAll(() => {
    good = dataset("good", idxImages(), idxLabels());
  });

  it("a good folder of this kind is taken", async () => {
    const args = ["run", "--data", good, "--port", "0", "--steps", "3", "--state", at("s-good")];
    expect(await summaryOf(args)).toMatchObject({ steps: 3, samples: 24 });
  });

  it.each([
    ["a wrong magic number", () => ({ images: idxImages(1234), labels: idxLabels() }), /1234/],
    [
      "a truncated file",
      () => ({ images: idxImages().subarray(0, 9000), labels: idxLabels() }),
      /9,?000|8,?984/,
    ],
    ["a label out of range", () => ({ images: idxImages(), labels: idxLabels(11) }), /11/],
  ] as const)("%s", async (name, files, names) => {
    const { images, labels } = files();
    const data = dataset(name.replaceAll(" ", "-"), images, labels);
    const line = await refused(
      ["run", "--data", data, "--port", "0", "--state", at("s1")],
      3,
      "EF_\\w+",
    );
    expect(line).toMatch(names);
  });

  it("a data folder that is not there", async () => {
    const line = await refused(
      ["run", "--data", at("nowhere"), "--port", "0", "--state", at("s2")],
      3,
      "EF_\\w+",
    );
    expect(line).toContain("nowhere");
  });

  it("a model whose input does not fit the source", async () => {
    const config = at("everfresh.config.ts");
    const everfresh = path.resolve(import.meta.dirname, "../../packages/everfresh/src/index.ts");
    writeFileSync(
      config,
      `import { adam, classes, defineModel, digits, mlp, numeric, proactive, sparse } from ${JSON.stringify(everfresh)};
       export default defineModel({ name: "small", model: mlp({ inputs: 10, hidden: [4], outputs: 10 }),
         input: numeric(10), target: classes(10), source: digits(), strategy: proactive(),
         optimizer: adam(), deploy: sparse() });`,
    );
    const line = await refused(
      ["run", "--config", config, "--port", "0", "--state", at("s3")],
      3,
      "EF_MODEL_SOURCE_MISMATCH",
    );
    expect(line).toMatch(/28.*10/);
  });

  it("a configuration that is missing, and one that is not a definition", async () => {
    await refused(["run", "--config", at("none.ts"), "--port", "0"], 3, "EF_CONFIG");
    writeFileSync(at("empty.config.ts"), "export default { name: 5 };");
    await refused(["run", "--config", at("empty.config.ts"), "--port", "0"], 3, "EF_CONFIG");
  });

  it("a port in use, with nothing written that keeps the next start from working", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" ? `${address?.port ?? 0}` : "0";
    await refused(
      ["run", "--data", good, "--port", port, "--state", at("s4")],
      4,
      "EF_PORT_IN_USE",
    );
    server.close();
    const args = ["run", "--data", good, "--port", "0", "--steps", "2", "--state", at("s4")];
    expect(await summaryOf(args)).toMatchObject({ steps: 2 });
  });

  it("a state directory that is a file, and one whose database is not a database", async () => {
    writeFileSync(at("a-file"), "");
    await refused(
      ["run", "--data", good, "--port", "0", "--state", at("a-file")],
      5,
      "EF_STATE_DIRECTORY",
    );
    mkdirSync(at("s5"));
    writeFileSync(
      at("s5", "everfresh.sqlite"),
      "this is not a database, it is a sentence. ".repeat(50),
    );
    await refused(["run", "--data", good, "--port", "0", "--state", at("s5")], 5, "EF_\\w+");
  });

  it("a state directory of another seed", async () => {
    const args = ["run", "--data", good, "--port", "0", "--steps", "1", "--state", at("s6")];
    await summaryOf([...args, "--seed", "1"]);
    await refused([...args, "--seed", "2"], 5, "EF_STATE_MISMATCH");
  });

  it("an unknown command, an unknown option and a bad value", async () => {
    await refused(["fly"], 2, "EF_USAGE");
    await refused(["run", "--wings"], 2, "EF_USAGE");
    await refused(["run", "--ratio", "2"], 2, "EF_USAGE");
    await refused(["run", "--steps", "many"], 2, "EF_USAGE");
  });

  it("a replica of a server that is not there", async () => {
    await refused(["replica", "ws://127.0.0.1:9/v1/models/digits"], 4, "EF_\\w+");
  });

  it("as JSON when asked for JSON", async () => {
    const ended = await run([
      "run",
      "--data",
      at("nowhere"),
      "--port",
      "0",
      "--json",
      "--state",
      at("s7"),
    ]);
    const document = JSON.parse(ended.stdout) as { error: { code: string; message: string } };
    expect(document.error.code).toMatch(/^EF_/);
    expect(ended.stderr).toContain(document.error.message);
  });
});
