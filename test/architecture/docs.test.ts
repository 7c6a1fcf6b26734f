// What the documentation says about the code is what the code says: names, numbers, files.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const pages = ["README.md", "CONTRIBUTING.md", ...below("docs").filter((path) => path.endsWith(".md"))];

describe("docs/limits.md", () => {
  const rows = boundsOf(read("docs/limits.md"));

  test("has a row with a number and a constant for each bound", () => {
    expect(rows.length).toBeGreaterThan(50);
  });

  test.each(rows)("$what: $said is $name in $file", ({ said, file, name }) => {
    expect(amountOf(said, name)).toBe(constantOf(read(`src/${file}`), name));
  });

  test("a number that is not the code's is found", () => {
    const source =
      "/** Why. */\nexport const idleMs = 10 * 60_000;\nconst mib = 1024 * 1024;\n  segmentBytes: 8 * mib,\n";
    expect(constantOf(source, "idleMs")).toBe(amountOf("10 min", "idleMs"));
    expect(constantOf(source, "segmentBytes")).toBe(amountOf("8 MiB", "segmentBytes"));
    expect(constantOf(source, "idleMs")).not.toBe(amountOf("10 s", "idleMs"));
    expect(() => constantOf(source, "goneMs")).toThrow("there is no goneMs");
  });
});

describe("docs/behaviour.md", () => {
  test("every rule is cited by a test", () => {
    const rules = foundIn([read("docs/behaviour.md")], /^- \*\*(R-\d+)\*\*/gm);
    const tests = ["parity", "scenarios", "scheduler", "manager"]
      .flatMap((folder) => below(`test/${folder}`))
      .filter((path) => path.endsWith(".ts"))
      .map(read);
    expect(rules.length).toBeGreaterThan(120);
    expect(rules.filter((rule) => !foundIn(tests, /(R-\d+)/g).includes(rule))).toEqual([]);
  });
});

describe("docs/sharp-edges.md", () => {
  const page = read("docs/sharp-edges.md");

  test("gives each of Docker's forty-four a fate", () => {
    const numbers = [...page.matchAll(/^\| (\d+) \| [^|]+ \| [^|]+ \|$/gm)].map(([, number]) => Number(number));
    expect(numbers).toEqual(Array.from({ length: 44 }, (_, at) => at + 1));
  });

  test("points at rules that there are", () => {
    const rules = new Set(foundIn([read("docs/behaviour.md")], /^- \*\*(R-\d+)\*\*/gm));
    const cited = foundIn([page], /(R-\d+)/g);
    expect(cited.length).toBeGreaterThan(20);
    expect(cited.filter((rule) => !rules.has(rule))).toEqual([]);
  });
});

describe("docs/operations.md", () => {
  const page = read("docs/operations.md");

  test("lists every metric there is, and no other", () => {
    const counted = foundIn(daemonSource(), /\.(?:counter|gauge|histogram)\(\s*"(skep_\w+)"/g);
    expect(counted.length).toBeGreaterThan(10);
    expect(foundIn([page], /^\| `(skep_\w+)` \|/gm)).toEqual(counted);
  });

  test("explains every warning and error of the log, and no other", () => {
    const logged = foundIn(daemonSource(), /(?:\.(?:warn|error)|#crowded|flooded)\(\s*"([^"]+)"/g);
    expect(logged.length).toBeGreaterThan(20);
    const [, lines = ""] = page.split("### What a line of the log means");
    expect(foundIn([lines], /^\| `([^`]+)` \|/gm)).toEqual(logged);
  });
});

describe("every page", () => {
  test.each(pages)("%s links to files that are there", (page) => {
    const links = [...read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, link = ""]) => link);
    const local = links.filter((link) => !/^\w+:/.test(link));
    expect(local.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
  });

  test.each(pages)("%s names scripts of package.json", (page) => {
    const { scripts } = JSON.parse(read("package.json")) as { readonly scripts: Readonly<Record<string, string>> };
    const named = [...read(page).matchAll(/npm run ([a-z][\w:]*)/g)].map(([, name = ""]) => name);
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });
});

interface Bound {
  readonly what: string;
  readonly said: string;
  readonly file: string;
  readonly name: string;
}

function boundsOf(page: string): readonly Bound[] {
  return [...page.matchAll(/^\| (.+) \| (.+) \| `([\w/.-]+)` `(\w+)` \|$/gm)].map(
    ([, what = "", said = "", file = "", name = ""]) => ({ what, said, file, name }),
  );
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1e3, min: 6e4, h: 36e5, d: 864e5 };
const unitsBytes: Readonly<Record<string, number>> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** `10 min` in the unit that the constant's name ends with. */
function amountOf(said: string, name: string): number {
  const [, digits = "", unit] = /^([\d,]+)(?: (\w+))?$/.exec(said) ?? [];
  const isTime = name.endsWith("Ms");
  const factor = unit === undefined ? 1 : isTime ? unitsMs[unit] : unitsBytes[unit];
  if (digits === "" || factor === undefined || (isTime && unit === undefined))
    throw new Error(`"${said}" is no ${name}`);
  return Number(digits.replaceAll(",", "")) * factor;
}

/** The value of `name = …` or `name: …`, a product, power or shift of numbers. */
function constantOf(source: string, name: string): number {
  const [, text] = new RegExp(`^\\s*(?:export )?(?:const )?${name}(?: =|:) ([^;\\n]+?)[;,]?$`, "m").exec(source) ?? [];
  if (text === undefined) throw new Error(`there is no ${name}`);
  const terms = text.replaceAll("_", "").replaceAll("mib", String(2 ** 20));
  const [, base, shift] = /^(\d+) << (\d+)$/.exec(terms) ?? [];
  if (base !== undefined) return Number(base) * 2 ** Number(shift);
  return terms
    .split(" * ")
    .map((term) => {
      if (!/^\d+$/.test(term)) throw new Error(`${name} = ${text}: not a product of numbers`);
      return Number(term);
    })
    .reduce((product, factor) => product * factor, 1);
}

/** What runs in the daemon, without what is generated. */
function daemonSource(): readonly string[] {
  const others = /^src\/(?:gen|cli|sim)\//;
  return below("src")
    .filter((path) => path.endsWith(".ts") && !others.test(path))
    .map(read);
}

/** The first groups of all matches, each once, in order. */
function foundIn(texts: readonly string[], pattern: RegExp): readonly string[] {
  return [...new Set(texts.flatMap((text) => [...text.matchAll(pattern)].map(([, found = ""]) => found)))].sort();
}

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

function below(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((path) => `${folder}/${path}`);
}
