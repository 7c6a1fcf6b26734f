// Lays in dist/image what the Dockerfile copies: the package as `npm pack` would make it, and the packages it runs with,
// taken from this checkout's node_modules. Nothing is downloaded.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { relative } from "node:path";
import process from "node:process";

const target = "dist/image";
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });

const [pack] = JSON.parse(npm("pack", "--dry-run", "--json", "--ignore-scripts"));
for (const { path } of pack.files) cpSync(path, `${target}/${path}`);

const root = process.cwd();
const packages = npm("ls", "--omit=dev", "--all", "--parseable")
  .trim()
  .split("\n")
  .map((path) => relative(root, path))
  .filter((path) => path.startsWith("node_modules/"));
// A package's own node_modules are listed on lines of their own.
for (const path of packages) {
  cpSync(path, `${target}/${path}`, {
    recursive: true,
    filter: (from) => !relative(path, from).startsWith("node_modules"),
  });
}
console.log(`${target}: ${pack.files.length} files of the package, ${packages.length} packages`);

function npm(...args) {
  return execFileSync("npm", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}
