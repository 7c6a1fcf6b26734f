// One log line for people: `web.1.7y8u00yp4fld@h1    | text`, names asked of the daemon once each.
import type { Task } from "../../../api/types.js";
import { type Client, segment } from "../../client.js";
import { CliError, isNotFound } from "../../errors.js";
import { shortId } from "../../words.js";
import { nodeName, serviceName } from "../tasks.js";

export interface LineOptions {
  readonly resolves: boolean;
  readonly truncates: boolean;
  readonly taskIds: boolean;
  readonly timestamps: boolean;
  readonly details: boolean;
  /** Digits of the highest slot. */
  readonly slotDigits: number;
}

const labels = {
  node: "com.docker.swarm.node.id",
  service: "com.docker.swarm.service.id",
  task: "com.docker.swarm.task.id",
};

export class LogLines {
  private readonly options: LineOptions;
  private readonly client: Client;
  private readonly prefixes = new Map<string, Promise<string>>();

  constructor(options: LineOptions, client: Client) {
    this.options = options;
    this.client = client;
  }

  /** `text` is `[timestamp ]details line`. */
  async format(text: string): Promise<string> {
    const { timestamps, details } = this.options;
    const parts = text.split(" ");
    const timestamp = timestamps ? `${parts.shift() ?? ""} ` : "";
    const context = parseDetails(parts.shift() ?? "");
    const line = parts.join(" ");
    const shown = details ? `${otherDetails(context)} ` : "";
    return `${timestamp}${await this.prefix(context)}    | ${shown}${line}`;
  }

  private prefix(context: ReadonlyMap<string, string>): Promise<string> {
    const ids = [labels.node, labels.service, labels.task].map((label) => context.get(label));
    const [node, service, task] = ids;
    if (node === undefined || service === undefined || task === undefined) {
      throw new CliError("missing context in log line: node, service and task ids");
    }
    const key = ids.join(" ");
    const known = this.prefixes.get(key) ?? this.makePrefix(node, service, task);
    this.prefixes.set(key, known);
    return known;
  }

  private async makePrefix(nodeId: string, serviceId: string, taskId: string): Promise<string> {
    const { resolves, truncates, taskIds, slotDigits } = this.options;
    const node = resolves ? await nodeName(this.client, nodeId) : nodeId;
    const service = resolves ? await serviceName(this.client, serviceId) : serviceId;
    const slot = await this.slotOf(taskId);
    const id = taskIds ? `.${truncates ? shortId(taskId) : taskId}` : "";
    const padding = " ".repeat(Math.max(0, slotDigits - slot.length));
    return `${service}.${slot}${id}@${node}${padding}`;
  }

  /** A task may be forgotten between its line and the question whose it is: that is no reason to stop. */
  private async slotOf(taskId: string): Promise<string> {
    try {
      const { Slot = 0 } = await this.client.get<Task>(`/tasks/${segment(taskId)}`);
      return String(Slot);
    } catch (error) {
      if (isNotFound(error)) return "?";
      throw error;
    }
  }
}

function parseDetails(text: string): Map<string, string> {
  const pairs = text.split(",").map((pair) => pair.split("=").map(decode));
  return new Map(pairs.map(([key = "", value = ""]) => [key, value]));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

/** What the logger added beyond the three ids that every line has. */
function otherDetails(context: ReadonlyMap<string, string>): string {
  const ours: readonly string[] = Object.values(labels);
  const rest = [...context].filter(([key]) => !ours.includes(key)).sort(([a], [b]) => (a < b ? -1 : 1));
  return rest.map(([key, value]) => `${key}=${value}`).join(",");
}
