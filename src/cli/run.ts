// From a command line to a verb and its exit code: every way to get it wrong has docker's words and code.
import { Client } from "./client.js";
import type { Arity, HelpText, Noun, Verb } from "./command.js";
import { nouns, topVerbs } from "./commands/index.js";
import { CliError, FlagError } from "./errors.js";
import { list, text, toggle } from "./flags/basic.js";
import type { FlagValues } from "./flags/flag.js";
import { parseLine } from "./flags/parse.js";
import { commandsPage, helpPage, usageLine } from "./help.js";
import { chooseHost, parseHost } from "./host.js";
import { requireSkep } from "./skep-only.js";
import { tlsFiles } from "./tls.js";
import { cliVersion } from "./version.js";
import type { World } from "./world.js";

const program = "skep";
const about = "A swarm-mode cluster orchestrator for plain Docker Engines";

export const globalFlags = {
  host: list("Daemon socket to connect to", { short: "H" }),
  tls: toggle("Use TLS; implied by --tlsverify"),
  tlscacert: text("Trust certs signed only by this CA"),
  tlscert: text("Path to TLS certificate file"),
  tlskey: text("Path to TLS key file"),
  tlsverify: toggle("Use TLS and verify the remote"),
  version: toggle("Print version information and quit", { short: "v" }),
};

/** The exit code of the whole command. Never throws: what went wrong is on stderr. */
export async function runCli(argv: readonly string[], world: World): Promise<number> {
  try {
    return await dispatch(argv, world);
  } catch (error) {
    return report(error, world);
  }
}

async function dispatch(argv: readonly string[], world: World): Promise<number> {
  const { values, args, help } = parseGlobal(argv);
  const [first, ...rest] = args;
  if (values.version === true) return print(world, `Skep version ${cliVersion}\n`);
  if (first === undefined || (help && args.length === 0)) return print(world, topPage(world));
  if (first === "help") return dispatch([...rest, "--help"], world);
  const alone = findVerb(topVerbs, first);
  if (alone !== undefined) return runVerb(alone, [program, alone.name], rest, values, world);
  const noun = nouns.find(({ name }) => name === first);
  if (noun === undefined) throw unknownCommand([program, first], [program]);
  return runNoun(noun, rest, values, world);
}

type Globals = FlagValues<typeof globalFlags>;

function parseGlobal(argv: readonly string[]): ReturnType<typeof parseLine<typeof globalFlags>> {
  try {
    return parseLine(globalFlags, argv, { stopAtArgument: true });
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    throw new FlagError(
      `${error.message}\n\nUsage:  ${program} [OPTIONS] COMMAND [ARG...]\n\nRun '${program} --help' for more information`,
    );
  }
}

async function runNoun(noun: Noun, argv: readonly string[], globals: Globals, world: World): Promise<number> {
  if (noun.missing !== undefined) throw new CliError(noun.missing);
  const path = [program, noun.name];
  const { args } = withUsage({ path: path.join(" "), use: "" }, () => parseLine({}, argv, { stopAtArgument: true }));
  const [first, ...rest] = args;
  if (first === undefined) return print(world, nounPage(noun, path.join(" ")));
  const found = findVerb(noun.verbs, first);
  if (found === undefined) throw unknownCommand([...path, first], path);
  return runVerb(found, [...path, found.name], rest, globals, world);
}

async function runVerb(
  verb: Verb,
  path: readonly string[],
  argv: readonly string[],
  globals: Globals,
  world: World,
): Promise<number> {
  if (verb.raw !== undefined) return verb.raw(argv, world);
  const page = {
    path: path.join(" "),
    use: verb.use,
    about: verb.about,
    flags: verb.flags,
    aliases: aliasesOf(verb, path),
  };
  const help: HelpText = {
    page: helpPage(page, world.stdout.columns),
    usage: usageLine(page),
  };
  const line = withUsage(page, () => parseLine(verb.flags, argv, { stopAtArgument: verb.stopAtArgument ?? false }));
  if (line.help) return print(world, help.page);
  checkArity(verb.args, line.args.length, page);
  const client = clientFor(globals, world);
  if (verb.anyEngine !== true) await requireSkep(client, world);
  return (await verb.run({ flags: line.values, args: line.args, world, client, path: page.path, help })) ?? 0;
}

function clientFor(globals: Globals, world: World): Client {
  const host = chooseHost(globals.host, world.env);
  return new Client({ host, address: parseHost(host, tlsFiles(globals, world.env)) }, world);
}

function aliasesOf(verb: Verb, path: readonly string[]): readonly string[] {
  if (verb.helpAliases !== undefined) return verb.helpAliases;
  if (verb.aliases === undefined) return [];
  return [verb.name, ...verb.aliases].map((name) => [...path.slice(0, -1), name].join(" "));
}

function findVerb(verbs: readonly Verb[], name: string): Verb | undefined {
  return verbs.find((verb) => verb.name === name || verb.aliases?.includes(name));
}

function withUsage<T>(page: { readonly path: string; readonly use: string }, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    throw new FlagError(`${error.message}\n\n${usageLine(page)}\n\nRun '${page.path} --help' for more information`);
  }
}

function checkArity({ min, max }: Arity, given: number, page: { readonly path: string; readonly use: string }): void {
  if (given >= min && given <= (max ?? given)) return;
  const many = (count: number): string => `${count} argument${count === 1 ? "" : "s"}`;
  const [why, verb] =
    max === 0
      ? ["accepts no arguments", "Run"]
      : max === undefined
        ? [`requires at least ${many(min)}`, "See"]
        : max === min
          ? [`requires ${many(min)}`, "Run"]
          : [`requires at least ${min} and at most ${many(max)}`, "See"];
  const hint = `${verb} '${page.path} --help' for more information`;
  throw new CliError(`${program}: '${page.path}' ${why}\n\n${usageLine(page)}\n\n${hint}`);
}

function unknownCommand(path: readonly string[], parent: readonly string[]): CliError {
  const usage = parent.length === 1 ? "" : `Usage:  ${parent.join(" ")}\n\n`;
  return new CliError(
    `${program}: unknown command: ${path.join(" ")}\n\n${usage}Run '${parent.join(" ")} --help' for more information`,
  );
}

function topPage(world: World): string {
  const page = commandsPage(
    { path: program, about },
    [
      { title: "Management Commands", commands: nouns },
      { title: "Commands", commands: topVerbs },
    ],
    globalFlags,
    world.stdout.columns,
  );
  return page;
}

function nounPage(noun: Noun, path: string): string {
  return commandsPage({ path, about: noun.about }, [{ title: "Commands", commands: noun.verbs }]);
}

function print(world: World, text: string): number {
  world.stdout.write(text);
  return 0;
}

/** Whatever was thrown, in one readable text; a stack only for those who ask with SKEP_DEBUG. */
function report(error: unknown, world: World): number {
  const message = error instanceof Error ? error.message : String(error);
  if (message !== "") world.stderr.write(`${message}\n`);
  if (world.env["SKEP_DEBUG"] === "1" && error instanceof Error) world.stderr.write(`${error.stack ?? ""}\n`);
  return error instanceof CliError ? error.exitCode : 1;
}
