/** Prints lines of product and of test code per package, so that growth is seen on each change. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "packages"], {
  encoding: "utf8",
})
  .split("\n")
  .filter((file) => /\.tsx?$/.test(file));

const sizes = new Map<string, { product: number; test: number; files: number }>();
for (const file of files) {
  const name = file.split("/")[1] ?? "";
  const size = sizes.get(name) ?? { product: 0, test: 0, files: 0 };
  const lines = readFileSync(file, "utf8").split("\n").length - 1;
  if (/\.(test|conformance|fixture)\.tsx?$/.test(file)) size.test += lines;
  else size.product += lines;
  size.files++;
  sizes.set(name, size);
}
console.table(Object.fromEntries([...sizes].sort(([a], [b]) => a.localeCompare(b))));
