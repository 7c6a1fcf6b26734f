#!/usr/bin/env node
// Makes package-lock.json whole and free of hosts. A registry mirror that carries only some platforms' prebuilt packages
// makes npm leave the others out of the lock file, and npm 11's `npm ci` then refuses the file ("Missing: … from lock
// file"). This adds those optional entries (version, os, cpu; no integrity, nobody here can have seen the package) and
// drops `resolved`, so that the file names no registry. `--check` only says what is wrong.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const path = fileURLToPath(new URL("../package-lock.json", import.meta.url));
const isCheck = process.argv.includes("--check");
const lock = JSON.parse(readFileSync(path, "utf8"));
const problems = [...dropHosts(lock.packages), ...addMissing(lock.packages)];

if (problems.length > 0 && isCheck) {
  console.error(
    `package-lock.json: ${problems.join("; ")}\nrun 'node scripts/complete-lock.mjs' and commit the result`,
  );
  process.exit(1);
}
if (problems.length > 0) {
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, "en")));
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
}
console.log(`package-lock.json: ${Object.keys(lock.packages).length} packages, ${problems.length} corrections`);

function dropHosts(packages) {
  const found = Object.entries(packages).filter(([, entry]) => entry.resolved !== undefined && !entry.link);
  for (const [, entry] of found) delete entry.resolved;
  return found.map(([name]) => `${name} has a download address`);
}

function addMissing(packages) {
  const missing = Object.entries(packages).flatMap(([parent, entry]) =>
    Object.entries(entry.optionalDependencies ?? {})
      .filter(([name]) => !packages[`node_modules/${name}`] && !packages[`${parent}/node_modules/${name}`])
      .map(([name, version]) => ({ name, version, dev: entry.dev })),
  );
  for (const { name, version, dev } of missing) {
    packages[`node_modules/${name}`] = { version, ...platformOf(name), ...(dev ? { dev } : {}), optional: true };
  }
  return missing.map(({ name }) => `${name} is missing`);
}

/** os, cpu and libc as the package's name tells them: `…/binding-linux-x64-musl`, `…/cli-darwin-arm64`. */
function platformOf(name) {
  const match =
    /(android|darwin|freebsd|linux|openharmony|win32)-(arm64|armv7|arm|x64|ia32|ppc64|riscv64|s390x)(?:-(\w+))?$/.exec(
      name,
    );
  if (match === null) throw new Error(`no platform in the name ${name}`);
  const [, os, cpu, abi = ""] = match;
  return {
    cpu: [cpu.startsWith("armv") ? "arm" : cpu],
    os: [os],
    ...(abi.startsWith("musl")
      ? { libc: ["musl"] }
      : os === "linux" && abi.startsWith("gnu")
        ? { libc: ["glibc"] }
        : {}),
  };
}
