// `skep service ps`: the tasks of services given by id, name or the beginning of an id.
import type { Service, Task } from "../../../api/types.js";
import type { Client } from "../../client.js";
import { filtersParam } from "../../client.js";
import { someArguments, verb } from "../../command.js";
import { CliError } from "../../errors.js";
import type { FilterSet } from "../../flags/filter.js";
import { timeOf } from "../../words.js";
import type { World } from "../../world.js";
import { resolveNode } from "../node/self.js";
import { printTasks, taskFlags, taskTableOptions } from "../tasks.js";

export const ps = verb({
  name: "ps",
  use: "[OPTIONS] SERVICE [SERVICE...]",
  about: "List the tasks of one or more services",
  args: someArguments,
  flags: taskFlags,
  async run({ flags, args, client, world }) {
    const { ids, unknown } = await findServices(args, client);
    const complaint = unknown.map((name) => `no such service: ${name}`).join("\n");
    if (ids.length === 0) throw new CliError(complaint);
    const filters = await withNodes({ ...flags.filter, service: ids }, client);
    const tasks = await client.get<readonly Task[]>("/tasks", { query: { filters: filtersParam(filters) } });
    await printTasks(tasks, taskTableOptions(flags), { client, world });
    if (flags.quiet !== true && flags.format === undefined) pointToExplain(tasks, args, world);
    if (complaint !== "") throw new CliError(complaint);
    return undefined;
  },
});

/** Longer than this is worth a question. */
const waitsLongMs = 5_000;

/** For a person at a terminal: where a task waits for long, the command that says more than fits a column. */
function pointToExplain(tasks: readonly Task[], [name = "SERVICE", ...others]: readonly string[], world: World): void {
  const waits = tasks.some(({ Wait }) => Wait !== undefined && world.now() - timeOf(Wait.Since) > waitsLongMs);
  if (!world.stdout.isTerminal || !waits) return;
  world.stderr.write(
    `\n'skep service explain ${others.length === 0 ? name : "SERVICE"}' says why tasks wait, and what would help.\n`,
  );
}

async function findServices(
  names: readonly string[],
  client: Client,
): Promise<{ readonly ids: readonly string[]; readonly unknown: readonly string[] }> {
  const list = (filters: FilterSet): Promise<readonly Service[]> =>
    client.get("/services", { query: { filters: filtersParam(filters) } });
  const byId = await list({ id: names });
  const byName = await list({ name: names });
  const found = names.map((name) => ({ name, id: matchOf(name, byId, byName) }));
  return {
    ids: found.flatMap(({ id }) => (id === undefined ? [] : [id])),
    unknown: found.flatMap(({ name, id }) => (id === undefined ? [name] : [])),
  };
}

/** The whole id, else the whole name, else the only id that begins so. */
function matchOf(name: string, byId: readonly Service[], byName: readonly Service[]): string | undefined {
  const exact = byId.find(({ ID }) => ID === name) ?? byName.find(({ Spec }) => Spec.Name === name);
  if (exact !== undefined) return exact.ID;
  const [first, ...others] = byId.filter(({ ID }) => ID.startsWith(name));
  if (others.length > 0) throw new CliError(`multiple services found with provided prefix: ${name}`);
  return first?.ID;
}

async function withNodes(filters: FilterSet, client: Client): Promise<FilterSet> {
  if (filters["node"] === undefined) return filters;
  const nodes: string[] = [];
  for (const reference of filters["node"]) nodes.push(await resolveNode(reference, client));
  return { ...filters, node: nodes };
}
