import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

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
      expect([file, source.match(/from "(?!\.{1,2}\/|@everfresh\/core")[^"]*"/g)]).toEqual([
        file,
        null,
      ]);
      expect([file, source.match(/\b(Buffer|process|require|eval|Function)\b[.(]/g)]).toEqual([
        file,
        null,
      ]);
    }
  });
});
