/**
 * The repository's own rules, checked like code. Limits only ever go down.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = path.resolve(import.meta.dirname, "..");
const FILE_LINES_MAX = 500;
const FILE_LINES_MEDIAN_MAX = 140;
const FILE_BYTES_MAX = 400_000; // data and large files do not belong into the repository
const BANNED_FOLDERS = new Set(["utils", "util", "helpers", "helper", "common", "misc", "lib"]);
const GENERATED = ["packages/engine/src/onnx/schema.ts"];

/** Every file that is in the repository or would be with the next commit. */
function repositoryFiles(): string[] {
  const list = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  const there = (file: string): boolean => file !== "" && existsSync(path.join(ROOT, file));
  return [...new Set(list.split("\n").filter(there))].sort();
}

const files = repositoryFiles();
const sources = files.filter((file) => /\.(ts|tsx)$/.test(file) && !GENERATED.includes(file));
const productSources = sources.filter(
  (file) => file.startsWith("packages/") && !/\.(test|conformance|fixture)\.tsx?$/.test(file),
);
const read = (file: string): string => readFileSync(path.join(ROOT, file), "utf8");
const linesOf = (file: string): number => read(file).split("\n").length - 1;

describe("the repository", () => {
  it(`has no source file of more than ${FILE_LINES_MAX} lines`, () => {
    expect(sources.filter((file) => linesOf(file) > FILE_LINES_MAX)).toEqual([]);
  });

  it(`has a median product file of at most ${FILE_LINES_MEDIAN_MAX} lines`, () => {
    const lengths = productSources.map(linesOf).sort((a, b) => a - b);
    expect(lengths[lengths.length >> 1]).toBeLessThanOrEqual(FILE_LINES_MEDIAN_MAX);
  });

  it("names folders after what is in them", () => {
    const banned = files.filter((file) =>
      path
        .dirname(file)
        .split("/")
        .some((folder) => BANNED_FOLDERS.has(folder)),
    );
    expect(banned).toEqual([]);
  });

  it("names files in kebab-case", () => {
    const odd = sources.filter(
      (file) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*$/.test(path.basename(file)),
    );
    expect(odd).toEqual([]);
  });

  it("gives every open task a reason in brackets", () => {
    const bare = new RegExp(
      `\\b(${["TO" + "DO", "FIX" + "ME", "X".repeat(3)].join("|")})\\b(?!\\()`,
    );
    expect(sources.filter((file) => bare.test(read(file)))).toEqual([]);
  });

  it("skips no test and runs none alone", () => {
    const modifier = /\b(it|test|describe)\.(skip|only|todo)\b/;
    expect(
      sources.filter((file) => file !== "test/tidy.test.ts" && modifier.test(read(file))),
    ).toEqual([]);
  });

  it("exports through named lists only", () => {
    const broad = /^export (\* from|default )/m;
    const allowed = /\.config\.ts$|everfresh\.config/;
    expect(sources.filter((file) => !allowed.test(file) && broad.test(read(file)))).toEqual([]);
  });

  it("says of every exported thing what it is", () => {
    const declaration =
      /^export (async )?(abstract )?(function\*?|class|interface|type|const) (\w+)/;
    const silent = productSources.flatMap((file) =>
      read(file)
        .split("\n")
        .flatMap((line, i, lines) => {
          const name = declaration.exec(line)?.[4];
          const documented = /\*\/$/.test(lines[i - 1] ?? "");
          return name === undefined || documented ? [] : [`${file}: ${name}`];
        }),
    );
    expect(silent).toEqual([]);
  });

  it("writes to the console only from programs", () => {
    const silent = productSources.filter((file) => !file.startsWith("packages/everfresh/src/cli/"));
    expect(silent.filter((file) => /\bconsole\.\w+\(/.test(read(file)))).toEqual([]);
  });

  it("holds no large file", () => {
    const large = files.filter(
      (file) =>
        file !== "package-lock.json" &&
        readFileSync(path.join(ROOT, file)).byteLength > FILE_BYTES_MAX,
    );
    expect(large).toEqual([]);
  });

  it("gives every Markdown file one title", () => {
    const markdown = files.filter((file) => file.endsWith(".md"));
    const titles = (file: string): number =>
      read(file)
        .replaceAll(/^```.*?^```/gms, "")
        .split("\n")
        .filter((line) => /^# /.test(line)).length;
    expect(markdown.filter((file) => titles(file) !== 1)).toEqual([]);
  });

  it("documents every error code, and no other", () => {
    const inCode = new Set(
      productSources.flatMap((file) => read(file).match(/"EF_[A-Z0-9_]+"/g) ?? []),
    );
    const inDocs = read("docs/errors.md").match(/`EF_[A-Z0-9_]+`/g) ?? [];
    const names = (found: Iterable<string>): string[] =>
      [...new Set([...found].map((name) => name.slice(1, -1)))].sort();
    expect(names(inDocs)).toEqual(names(inCode));
  });

  it("lists every package in ARCHITECTURE.md", () => {
    const packages = new Set(
      files
        .map((file) => /^packages\/([^/]+)\//.exec(file)?.[1])
        .filter((name) => name !== undefined),
    );
    const architecture = read("ARCHITECTURE.md");
    expect([...packages].filter((name) => !architecture.includes(`\`${name}\``))).toEqual([]);
  });

  it("has a lock file from which npm ci installs without a compiler (npm run lock mends it)", () => {
    const lock = JSON.parse(read("package-lock.json")) as {
      packages: Record<string, { gypfile?: boolean }>;
    };
    expect(lock.packages["node_modules/better-sqlite3"]?.gypfile).toBe(false);
  });

  it("gives all packages one version and one licence", () => {
    const manifests = files
      .filter((file) => /^packages\/[^/]+\/package\.json$/.test(file))
      .map((file) => JSON.parse(read(file)) as { version: string; license: string });
    expect(new Set(manifests.map(({ version }) => version)).size).toBe(1);
    expect(new Set(manifests.map(({ license }) => license))).toEqual(new Set(["Apache-2.0"]));
  });
});
