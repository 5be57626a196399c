import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

/** What is imported from elsewhere than this package and core. */
const FOREIGN = /from "(?!\.{1,2}\/|@everfresh\/core")[^"]*"/g;

/** The libraries of NATS are portable too; that over TCP is not. */
const FOREIGN_TO_NATS =
  /from "(?!\.{1,2}\/|@everfresh\/core"|@nats-io\/(nats-core|jetstream)")[^"]*"/g;

describe("the portable part of the package", () => {
  it("neither imports anything of Node nor runs generated code", async () => {
    const files = await readdir(import.meta.dirname, { recursive: true });
    const portable = files.filter(
      (file) =>
        file.endsWith(".ts") &&
        !file.startsWith("node/") &&
        !/\.(test|conformance|fixture)\.ts$/.test(file),
    );
    expect(portable.length).toBeGreaterThan(20);
    for (const file of portable) {
      const source = await readFile(join(import.meta.dirname, file), "utf8");
      const foreign = file.startsWith("nats/") ? FOREIGN_TO_NATS : FOREIGN;
      expect([file, source.match(foreign)]).toEqual([file, null]);
      expect([file, source.match(/\b(Buffer|process|require|eval|Function)\b[.(]/g)]).toEqual([
        file,
        null,
      ]);
    }
  });

  it("brings NATS along only for who asks for it", async () => {
    for (const file of await readdir(import.meta.dirname, { recursive: true })) {
      if (!file.endsWith(".ts") || /(^|\/)nats\//.test(file)) continue;
      const source = await readFile(join(import.meta.dirname, file), "utf8");
      expect([file, source.match(/from "[^"]*\/nats\/[^"]*"/g)]).toEqual([file, null]);
    }
  });
});
