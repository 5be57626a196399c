/**
 * Checks the packages as their users get them: publint on each, then `npm pack` and an install of the
 * tarballs into an empty folder, outside the workspace and without its .npmrc, that runs the program.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";

const ROOT = path.resolve(import.meta.dirname, "..");
const packages = readdirSync(path.join(ROOT, "packages")).sort();

await lintPackages();
installTarballs();

async function lintPackages(): Promise<void> {
  let problems = 0;
  for (const name of packages) {
    const pkgDir = path.join(ROOT, "packages", name);
    const manifest = JSON.parse(readFileSync(path.join(pkgDir, "package.json"), "utf8")) as Record<
      string,
      unknown
    >;
    const { messages } = await publint({ pkgDir, level: "warning", strict: true });
    for (const message of messages) {
      problems++;
      console.error(`${name}: ${formatMessage(message, manifest) ?? message.code}`);
    }
  }
  if (problems > 0) process.exit(1);
  console.log(`publint: ${packages.length} packages, no problems`);
}

function installTarballs(): void {
  const folder = mkdtempSync(path.join(tmpdir(), "everfresh-packed-"));
  try {
    // Under "npm run", npm hands its configuration, our .npmrc included, to children as variables.
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)),
    );
    const run = (command: string, args: readonly string[], cwd: string): string =>
      execFileSync(command, args, {
        cwd,
        env,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "inherit"],
      });
    for (const name of packages) {
      run(
        "npm",
        ["pack", "--silent", "--pack-destination", folder],
        path.join(ROOT, "packages", name),
      );
    }
    const tarballs = readdirSync(folder).map((file) => `./${file}`);
    writeFileSync(path.join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
    run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", ...tarballs], folder);
    const bin = path.join(folder, "node_modules", "everfresh", "dist", "cli", "main.js");
    const output = run(
      process.execPath,
      [bin, "demo", "--steps", "20", "--port", "0", "--json"],
      folder,
    );
    const summary = JSON.parse(output) as {
      readonly fingerprint: string;
      readonly steps: number;
      readonly replicas: readonly { readonly fingerprint: string }[];
    };
    const inStep =
      summary.replicas.length === 1 && summary.replicas[0]?.fingerprint === summary.fingerprint;
    if (summary.steps !== 20 || !inStep) {
      console.error(`packed install: the demo ended with ${output}`);
      process.exit(1);
    }
    console.log(
      `packed install: ${tarballs.length} tarballs, the demo learned and its replica followed`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
