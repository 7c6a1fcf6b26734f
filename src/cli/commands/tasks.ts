// The task table of `service ps` and `node ps`: names resolved, newest first within a slot, its history under it.
import type { Node, Service, Task } from "../../api/types.js";
import { type Client, segment } from "../client.js";
import { CliError, isNotFound } from "../errors.js";
import { text, toggle } from "../flags/basic.js";
import { filter } from "../flags/filter.js";
import { type Listing, renderListing } from "../format.js";
import { capital, compareNatural, ellipsis, humanDuration, shortId, timeOf } from "../words.js";
import type { World } from "../world.js";
import { familiarImage } from "./image.js";
import { portText } from "./ports.js";

export const taskFlags = {
  filter: filter(),
  format: text("Pretty-print tasks using a Go template"),
  "no-resolve": toggle("Do not map IDs to Names"),
  "no-trunc": toggle("Do not truncate output"),
  quiet: toggle("Only display task IDs", { short: "q" }),
};

export interface TaskTableOptions {
  readonly format: string | undefined;
  readonly quiet: boolean;
  readonly truncates: boolean;
  readonly resolves: boolean;
}

export function taskTableOptions(flags: {
  readonly format?: string;
  readonly quiet?: boolean;
  readonly "no-resolve"?: boolean;
  readonly "no-trunc"?: boolean;
}): TaskTableOptions {
  return {
    format: flags.format,
    quiet: flags.quiet ?? false,
    truncates: flags["no-trunc"] !== true && flags.quiet !== true,
    resolves: flags["no-resolve"] !== true,
  };
}

export async function printTasks(
  tasks: readonly Task[],
  options: TaskTableOptions,
  { client, world }: { readonly client: Client; readonly world: World },
): Promise<void> {
  const names = await resolveNames(tasks, options, client);
  const rows = tasks
    .map((task) => ({ task, name: taskName(task, names.services), node: names.nodes.get(task.NodeID ?? "") ?? "" }))
    .toSorted((a, b) => compareNatural(a.name, b.name) || compareCreated(b.task, a.task));
  const isTable = (options.format ?? "table").startsWith("table");
  const shown = isTable
    ? rows.map((row, index) => ({ ...row, name: indented(row.name, rows[index - 1]?.name) }))
    : rows;
  world.stdout.write(renderListing(listing(options, world.now()), shown, options));
}

interface TaskRow {
  readonly task: Task;
  readonly name: string;
  readonly node: string;
}

function taskName(task: Task, services: ReadonlyMap<string, string>): string {
  return `${services.get(task.ServiceID ?? "") ?? ""}.${task.Slot || task.NodeID || ""}`;
}

function indented(name: string, before: string | undefined): string {
  return name === before ? ` \\_ ${name}` : name;
}

function compareCreated(a: Task, b: Task): number {
  return (
    timeOf(a.CreatedAt) - timeOf(b.CreatedAt) || (a.CreatedAt < b.CreatedAt ? -1 : a.CreatedAt > b.CreatedAt ? 1 : 0)
  );
}

interface Names {
  readonly services: ReadonlyMap<string, string>;
  readonly nodes: ReadonlyMap<string, string>;
}

async function resolveNames(tasks: readonly Task[], { resolves }: TaskTableOptions, client: Client): Promise<Names> {
  const services = new Map<string, string>();
  const nodes = new Map<string, string>();
  for (const { ServiceID = "", NodeID = "" } of tasks) {
    if (!services.has(ServiceID)) services.set(ServiceID, resolves ? await serviceName(client, ServiceID) : ServiceID);
    if (NodeID !== "" && !nodes.has(NodeID)) nodes.set(NodeID, resolves ? await nodeName(client, NodeID) : NodeID);
  }
  return { services, nodes };
}

/** One that is gone keeps its id. */
export async function serviceName(client: Client, id: string): Promise<string> {
  const query = { insertDefaults: false };
  return orId(id, async () => (await client.get<Service>(`/services/${segment(id)}`, { query })).Spec.Name);
}

export async function nodeName(client: Client, id: string): Promise<string> {
  return orId(id, async () => {
    const { Spec, Description } = await client.get<Node>(`/nodes/${segment(id)}`);
    return Spec.Name || Description.Hostname;
  });
}

async function orId(id: string, name: () => Promise<string | undefined>): Promise<string> {
  try {
    return (await name()) || id;
  } catch (error) {
    if (error instanceof CliError && isNotFound(error)) return id;
    throw error;
  }
}

const errorCharactersMax = 30;

function listing({ truncates }: TaskTableOptions, nowMs: number): Listing<TaskRow> {
  return {
    typeName: "*task.taskContext",
    headers: {
      ID: "ID",
      Name: "NAME",
      Image: "IMAGE",
      Node: "NODE",
      DesiredState: "DESIRED STATE",
      CurrentState: "CURRENT STATE",
      Error: "ERROR",
      Ports: "PORTS",
    },
    table: "{{.ID}}\t{{.Name}}\t{{.Image}}\t{{.Node}}\t{{.DesiredState}}\t{{.CurrentState}}\t{{.Error}}\t{{.Ports}}",
    raw:
      "id: {{.ID}}\nname: {{.Name}}\nimage: {{.Image}}\nnode: {{.Node}}\ndesired_state: {{.DesiredState}}\n" +
      "current_state: {{.CurrentState}}\nerror: {{.Error}}\nports: {{.Ports}}\n",
    quiet: "{{.ID}}",
    columns: ({ task, name, node }) => ({
      ID: () => (truncates ? shortId(task.ID) : task.ID),
      Name: () => name,
      Image: () => imageText(task, truncates),
      Node: () => node,
      DesiredState: () => capital(task.DesiredState),
      CurrentState: () => stateText(task, nowMs),
      Error: () => errorText(task, truncates),
      Ports: () => (task.Status.PortStatus?.Ports ?? []).map(portText).join(","),
    }),
  };
}

function imageText(task: Task, truncates: boolean): string {
  const image = task.Spec.ContainerSpec?.Image ?? "";
  return truncates ? familiarImage(image) : image;
}

function stateText({ Status }: Task, nowMs: number): string {
  return `${capital(Status.State)} ${humanDuration(nowMs - timeOf(Status.Timestamp)).toLowerCase()} ago`;
}

/** What the task says, or else what it waits for (which only Skep tells). */
function errorText({ Status, Wait }: Task, truncates: boolean): string {
  const why = Status.Err || Wait?.Reason || "";
  if (why === "") return "";
  return `"${truncates ? ellipsis(why, errorCharactersMax) : why}"`;
}
