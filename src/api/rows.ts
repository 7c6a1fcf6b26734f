// Rows as JSON, encoded once: a row never changes, so neither does what it looks like.

import type { Node, Revision, Service, Task } from "../gen/skep/v1/objects.js";
import type { ManagerStatus, ServiceCounts } from "../manager/control/index.js";
import { predecessorOf, revisionId, type View } from "../manager/control/index.js";
import { withDefaults } from "../model/index.js";
import { toJson } from "./encode/json.js";
import { encodeManagerStatus, nodeText } from "./encode/node.js";
import { encodeCounts, encodeServiceSpec, serviceText } from "./encode/service.js";
import { taskText } from "./encode/task.js";
import { encodeTaskSpec } from "./encode/task-spec.js";
import { waitOf } from "./encode/wait.js";
import { bytesOf } from "./http.js";

/** JSON kept for rows, all kinds together; then it starts anew. A task takes 400 bytes. */
const keptBytesMax = 64 * 1024 * 1024;

const closing = bytesOf("}");
const noSpec = bytesOf(toJson({ ForceUpdate: 0 }));

/** Pieces of one object's JSON. */
export type Pieces = readonly Uint8Array[];

export class Rows {
  #kept = new WeakMap<object, Pieces>();
  #taskSpecs = new WeakMap<Revision, Uint8Array>();
  #serviceSpecs = new WeakMap<Revision, string>();
  #bytes = 0;

  service(view: View, service: Service, counts?: ServiceCounts): Pieces {
    const [text = closing] = this.#keep(service, () => [bytesOf(this.#serviceText(view, service))]);
    if (counts === undefined) return [text, closing];
    return [text, bytesOf(`,"ServiceStatus":${toJson(encodeCounts(counts))}}`)];
  }

  /** `?insertDefaults=true`: rare, so not kept. */
  serviceWithDefaults(view: View, service: Service): Pieces {
    const spec = revisionIn(view, service.id, service.revision)?.spec;
    const previous = this.#previousText(view, service);
    return [bytesOf(serviceText(service, toJson(spec && encodeServiceSpec(withDefaults(spec))), previous)), closing];
  }

  task(view: View, task: Task): Pieces {
    const node = view.table("node").get(task.nodeId);
    const wait = waitOf(task, node, () => predecessorOf(view, task));
    const [head = closing, tail = closing] =
      wait === undefined ? this.#keep(task, () => encodeTask(task)) : encodeTask(task, wait);
    const revision = revisionIn(view, task.serviceId, task.revision);
    return [head, revision ? this.#taskSpec(revision) : noSpec, tail];
  }

  node(node: Node, manager: ManagerStatus | undefined): Pieces {
    const [text = closing] = this.#keep(node, () => [bytesOf(nodeText(node))]);
    if (manager === undefined) return [text, closing];
    return [text, bytesOf(`,"ManagerStatus":${toJson(encodeManagerStatus(manager))}}`)];
  }

  #serviceText(view: View, service: Service): string {
    const spec = revisionIn(view, service.id, service.revision);
    return serviceText(service, spec ? this.#serviceSpec(spec) : "{}", this.#previousText(view, service));
  }

  #previousText(view: View, service: Service): string | undefined {
    if (service.previousRevision === undefined) return undefined;
    const previous = revisionIn(view, service.id, service.previousRevision);
    return previous && this.#serviceSpec(previous);
  }

  #serviceSpec(revision: Revision): string {
    let text = this.#serviceSpecs.get(revision);
    if (text === undefined) {
      text = revision.spec ? toJson(encodeServiceSpec(revision.spec)) : "{}";
      this.#serviceSpecs.set(revision, text);
    }
    return text;
  }

  #taskSpec(revision: Revision): Uint8Array {
    let bytes = this.#taskSpecs.get(revision);
    if (bytes === undefined) {
      bytes = bytesOf(toJson(encodeTaskSpec(revision.spec?.task, "task")));
      this.#taskSpecs.set(revision, bytes);
    }
    return bytes;
  }

  #keep(row: object, encode: () => Pieces): Pieces {
    const known = this.#kept.get(row);
    if (known !== undefined) return known;
    const pieces = encode();
    for (const piece of pieces) this.#bytes += piece.length;
    if (this.#bytes > keptBytesMax) this.#forget();
    this.#kept.set(row, pieces);
    return pieces;
  }

  #forget(): void {
    this.#kept = new WeakMap();
    this.#bytes = 0;
  }
}

function encodeTask(task: Task, wait?: ReturnType<typeof waitOf>): Pieces {
  const { head, tail } = taskText(task, wait);
  return [bytesOf(head), bytesOf(tail)];
}

/** A task may outlive its service; its revision is there as long as it is. */
function revisionIn(view: View, serviceId: string, number: number): Revision | undefined {
  return view.table("revision").get(revisionId(serviceId, number));
}
