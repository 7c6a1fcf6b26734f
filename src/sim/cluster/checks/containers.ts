// No task ever has two containers, on whatever hosts and in whatever state, over the whole run.

import type { SimContainer } from "../containers.js";

export class ContainersCheck {
  readonly #containerOf = new Map<string, string>();

  look(containers: readonly Pick<SimContainer, "containerId" | "taskId">[]): readonly string[] {
    const wrong: string[] = [];
    for (const { taskId, containerId } of containers) {
      const known = this.#containerOf.get(taskId);
      if (known === undefined) this.#containerOf.set(taskId, containerId);
      else if (known !== containerId) {
        wrong.push(`task ${taskId} has a second container`);
        this.#containerOf.set(taskId, containerId);
      }
    }
    return wrong;
  }
}
