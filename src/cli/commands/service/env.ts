// `--env` and `--env-file`: a name alone takes its value from where the command runs.
import { CliError } from "../../errors.js";
import type { World } from "../../world.js";
import { lastOfEachName } from "./container-lists.js";

export async function environment(
  given: readonly string[],
  files: readonly string[],
  world: World,
): Promise<readonly string[]> {
  const fromFiles: string[] = [];
  for (const file of files) fromFiles.push(...(await readEnvFile(file, world)));
  return lastOfEachName([...fromFiles, ...environmentOf(given, world)]);
}

export function environmentOf(given: readonly string[], world: World): readonly string[] {
  return given.map((entry) => filled(entry, world) ?? entry);
}

function filled(entry: string, world: World): string | undefined {
  if (entry.includes("=")) return entry;
  const value = world.env[entry];
  return value === undefined ? undefined : `${entry}=${value}`;
}

async function readEnvFile(file: string, world: World): Promise<string[]> {
  const text = await world.readFile(file).catch((error: unknown) => {
    throw new CliError(goFileError(file, error));
  });
  const entries: string[] = [];
  for (const [index, raw] of text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .entries()) {
    const line = raw.replace(/\r$/, "").replace(/^\s+/, "");
    if (line === "" || line.startsWith("#")) continue;
    const name = line.split("=")[0] ?? "";
    if (name === "") throw new CliError(`invalid env file (${file}): no variable name on line '${line}'`);
    if (/\s/.test(name))
      throw new CliError(`invalid env file (${file}): variable '${name}' contains whitespaces (line ${index + 1})`);
    const entry = filled(line, world);
    if (entry !== undefined) entries.push(entry);
  }
  return entries;
}

/** `open x: no such file or directory` rather than Node's `ENOENT: …`. */
export function goFileError(file: string, error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const why =
    { ENOENT: "no such file or directory", EACCES: "permission denied", EISDIR: "is a directory" }[code] ??
    (error instanceof Error ? error.message : String(error));
  return `open ${file}: ${why}`;
}
