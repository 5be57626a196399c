import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

describe("the entries of the package", () => {
  it("have the same names, but for the engine of each", () => {
    const [node, web, edge] = [
      namesOf("index.ts"),
      namesOf("web/index.ts"),
      namesOf("edge/index.ts"),
    ];
    expect(node.filter((name) => name !== "engineRuntime")).toEqual(web);
    expect(edge.filter((name) => name !== "inThreadRuntime")).toEqual(web);
  });
});

/** All that an entry exports, types too. */
function namesOf(entry: string): readonly string[] {
  const file = path.join(import.meta.dirname, entry);
  const lists = readFileSync(file, "utf8").matchAll(/^export (?:type )?\{([^}]*)\}/gm);
  const names = Array.from(lists, ([, list = ""]) => list.split(",")).flat();
  const bare = names.map((name) => name.replace("type ", "").trim());
  return bare.filter((name) => name !== "").sort();
}
